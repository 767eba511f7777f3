import { Annotations, Duration } from 'aws-cdk-lib';
import { HttpNoneAuthorizer, type IHttpRouteAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2';
import {
  HttpIamAuthorizer,
  HttpJwtAuthorizer,
  HttpLambdaAuthorizer,
  HttpLambdaResponseType,
} from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { present } from './optional.ts';

export interface JwtAccessProps {
  /** Who signs the tokens: the URL whose `/.well-known/openid-configuration` names the keys. */
  readonly issuer: string;
  /** Values of `aud` or `client_id`, one of which a token must carry. */
  readonly audience: readonly string[];
  /** Scopes, one of which a token must carry. @default any token of the issuer for the audience */
  readonly scopes?: readonly string[] | undefined;
  /**
   * Claim that lists the models that a token's bearer may use (names, parted by spaces or as a list); `*` is all.
   * @default every model
   */
  readonly modelsClaim?: string | undefined;
}

export interface LambdaAuthorizerAccessProps {
  /** Answers `{"isAuthorized": true | false, "context": {...}}` (payload format 2.0). */
  readonly handler: IFunction;
  /** What identifies a caller. @default the Authorization header */
  readonly identitySource?: readonly string[] | undefined;
  /**
   * How long an answer is remembered for one identity, **whatever the path**: above zero, answer for the whole API
   * and leave models to `modelsClaim`. @default not at all
   */
  readonly resultsCacheTtl?: Duration | undefined;
  /** Member of the answer's context that lists the models that the caller may use; `*` is all. @default every model */
  readonly modelsClaim?: string | undefined;
}

/** Who may call the endpoint. */
export abstract class EndpointAccess {
  /** Callers sign with AWS credentials (SigV4), and `grantInvoke` lets them in, by model where wanted. */
  static iam(): EndpointAccess {
    return new IamAccess();
  }

  /** Callers carry a JSON Web Token of an OpenID Connect issuer, such as Cognito. */
  static jwt(props: JwtAccessProps): EndpointAccess {
    return new JwtAccess(props);
  }

  /** A function of yours decides. */
  static lambdaAuthorizer(props: LambdaAuthorizerAccessProps): EndpointAccess {
    return new LambdaAuthorizerAccess(props);
  }

  /** Anyone who knows the URL. Synthesis warns of it. */
  static public(): EndpointAccess {
    return new PublicAccess();
  }

  abstract readonly authorizer: IHttpRouteAuthorizer;

  /** Whether IAM policies decide, so that `grantInvoke` means something. */
  readonly byPolicy: boolean = false;

  readonly scopes: readonly string[] = [];

  /** Where the authorizer's answer lists the models that the caller may use. */
  readonly modelsClaim: string | undefined = undefined;

  /** Says what an operator should know, where the endpoint is made. */
  announce(_scope: Construct): void {}
}

class IamAccess extends EndpointAccess {
  readonly authorizer = new HttpIamAuthorizer();
  override readonly byPolicy = true;
}

class JwtAccess extends EndpointAccess {
  readonly authorizer: IHttpRouteAuthorizer;
  override readonly scopes: readonly string[];
  override readonly modelsClaim: string | undefined;

  constructor(props: JwtAccessProps) {
    super();
    this.authorizer = new HttpJwtAuthorizer('Jwt', props.issuer, {
      jwtAudience: [...props.audience],
    });
    this.scopes = props.scopes ?? [];
    this.modelsClaim = props.modelsClaim;
  }
}

class LambdaAuthorizerAccess extends EndpointAccess {
  readonly authorizer: IHttpRouteAuthorizer;
  override readonly modelsClaim: string | undefined;

  constructor(props: LambdaAuthorizerAccessProps) {
    super();
    this.authorizer = new HttpLambdaAuthorizer('Authorizer', props.handler, {
      responseTypes: [HttpLambdaResponseType.SIMPLE],
      resultsCacheTtl: props.resultsCacheTtl ?? Duration.seconds(0),
      ...present({ identitySource: props.identitySource && [...props.identitySource] }),
    });
    this.modelsClaim = props.modelsClaim;
  }
}

class PublicAccess extends EndpointAccess {
  readonly authorizer = new HttpNoneAuthorizer();

  override announce(scope: Construct): void {
    Annotations.of(scope).addWarningV2(
      'pilotlight:public-endpoint',
      'Anyone who knows the URL can call this endpoint at your cost: EndpointAccess.public() asks for no credentials. Choose EndpointAccess.iam(), .jwt(...) or .lambdaAuthorizer(...), or acknowledge this warning.',
    );
  }
}
