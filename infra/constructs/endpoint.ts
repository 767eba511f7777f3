import { HttpApi, HttpMethod, type IHttpRouteAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { gatewayPaths } from '../../src/contract/routes.ts';

export interface EndpointProps {
  readonly handler: IFunction;
  /** Who may call. @default callers that sign with IAM credentials */
  readonly authorizer?: IHttpRouteAuthorizer | undefined;
}

/** The HTTPS front door: an HTTP API whose paths all lead to the api function. */
export class Endpoint extends Construct {
  readonly api: HttpApi;

  constructor(scope: Construct, id: string, props: EndpointProps) {
    super(scope, id);
    this.api = new HttpApi(this, 'Api', {
      defaultAuthorizer: props.authorizer ?? new HttpIamAuthorizer(),
    });
    const integration = new HttpLambdaIntegration('Integration', props.handler, {
      scopePermissionToRoute: false,
    });
    for (const path of gatewayPaths) {
      this.api.addRoutes({ path, methods: [HttpMethod.ANY], integration });
    }
  }
}
