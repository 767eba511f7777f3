import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  CorsHttpMethod,
  HttpApi,
  HttpMethod,
  HttpNoneAuthorizer,
  HttpStage,
  type IDomainName,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { jobIdWord, laterJobWord } from '../../src/contract/job-keys.ts';
import { gatewayPaths } from '../../src/contract/routes.ts';
import type { EndpointAccess } from '../endpoint-access.ts';
import { present } from '../optional.ts';

export interface EndpointProps {
  /** The api function, or its alias. */
  readonly handler: IFunction;
  readonly access: EndpointAccess;
  /** Requests a second, over time, that are let through; the others get 429. */
  readonly throttlingRateLimit: number;
  /** Requests at once that are let through. */
  readonly throttlingBurstLimit: number;
  /** Origins whose pages may call; empty for none. */
  readonly corsOrigins: readonly string[];
  /** Domain of your own; API Gateway's then answers no more. @default API Gateway's */
  readonly domainName?: IDomainName | undefined;
  readonly logRetention: RetentionDays;
}

/** What an access log says of a request: who, what, how long; never a body. */
const accessLogFormat = AccessLogFormat.custom(
  JSON.stringify({
    requestId: '$context.requestId',
    time: '$context.requestTime',
    sourceIp: '$context.identity.sourceIp',
    caller: '$context.identity.userArn',
    subject: '$context.authorizer.claims.sub',
    method: '$context.httpMethod',
    path: '$context.path',
    status: '$context.status',
    responseBytes: '$context.responseLength',
    latencyMs: '$context.responseLatency',
    integrationLatencyMs: '$context.integrationLatency',
    integrationError: '$context.integrationErrorMessage',
    authorizerError: '$context.authorizer.error',
    userAgent: '$context.identity.userAgent',
  }),
);

/** The HTTPS front door: an HTTP API whose paths all lead to the api function. */
export class Endpoint extends Construct {
  readonly api: HttpApi;
  readonly stage: HttpStage;
  readonly access: EndpointAccess;
  /** Base URL, without a slash at the end. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: EndpointProps) {
    super(scope, id);
    this.access = props.access;
    props.access.announce(this);
    const withCors = props.corsOrigins.length > 0;
    this.api = new HttpApi(this, 'Api', {
      description: 'Open Inference Protocol',
      createDefaultStage: false,
      disableExecuteApiEndpoint: props.domainName !== undefined,
      defaultAuthorizer: props.access.authorizer,
      ...present({
        defaultAuthorizationScopes:
          props.access.scopes.length > 0 ? [...props.access.scopes] : undefined,
        corsPreflight: withCors ? corsFor(props.corsOrigins) : undefined,
      }),
    });
    this.stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      detailedMetricsEnabled: true,
      throttle: {
        rateLimit: props.throttlingRateLimit,
        burstLimit: props.throttlingBurstLimit,
      },
      accessLogSettings: {
        destination: new LogGroupLogDestination(this.#accessLogs(props.logRetention)),
        format: accessLogFormat,
      },
      ...present({
        domainMapping: props.domainName && { domainName: props.domainName },
      }),
    });
    this.url =
      props.domainName === undefined ? this.api.apiEndpoint : `https://${props.domainName.name}`;
    const integration = new HttpLambdaIntegration('Integration', props.handler, {
      // One permission for the API and not one for each of its routes.
      scopePermissionToRoute: false,
    });
    for (const path of gatewayPaths) {
      this.api.addRoutes({ path, methods: [HttpMethod.ANY], integration });
      if (withCors) this.#addPreflight(path, integration);
    }
  }

  /**
   * The ARNs by which a policy lets a caller in.
   * @param models whose paths alone are meant, and those of their later answers. @default every path
   */
  arns(models?: readonly string[]): string[] {
    if (models === undefined) return [this.api.arnForExecuteApi('*', '/*', '$default')];
    return models.flatMap((model) => [
      ...[`/v2/models/${model}`, `/v2/models/${model}/*`, `/models/${model}/*`].map((path) =>
        this.api.arnForExecuteApi('*', path, '$default'),
      ),
      // What they may ask for with `Prefer: respond-async` lies there; who does not know an id does not guess it.
      this.api.arnForExecuteApi(
        'GET',
        `/v2/jobs/${jobIdWord(model)}.${laterJobWord}.${'?'.repeat(16)}/result`,
        '$default',
      ),
    ]);
  }

  #accessLogs(retention: RetentionDays): LogGroup {
    return new LogGroup(this, 'AccessLogs', { retention, removalPolicy: RemovalPolicy.DESTROY });
  }

  /** Browsers send no credentials with a preflight, so the routes that ask for some must not be asked. */
  #addPreflight(path: string, integration: HttpLambdaIntegration): void {
    this.api.addRoutes({
      path,
      methods: [HttpMethod.OPTIONS],
      integration,
      authorizer: new HttpNoneAuthorizer(),
      authorizationScopes: [],
    });
  }
}

function corsFor(origins: readonly string[]) {
  return {
    allowOrigins: [...origins],
    allowMethods: [CorsHttpMethod.GET, CorsHttpMethod.POST],
    allowHeaders: [
      'authorization',
      'content-type',
      'content-encoding',
      'accept',
      'prefer',
      'inference-header-content-length',
      'x-amzn-sagemaker-target-model',
      'x-amz-date',
      'x-amz-security-token',
      'x-amz-content-sha256',
    ],
    exposeHeaders: [
      'inference-header-content-length',
      'server-timing',
      'location',
      'preference-applied',
      'retry-after',
      'x-request-id',
    ],
    maxAge: Duration.hours(1),
  };
}
