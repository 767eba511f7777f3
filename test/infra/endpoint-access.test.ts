import { Duration } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { DomainName } from 'aws-cdk-lib/aws-apigatewayv2';
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { describe, expect, it } from 'vitest';
import { EndpointAccess } from '../../infra/endpoint-access.ts';
import { gatewayPaths } from '../../src/contract/routes.ts';
import { resourceOf, resourcesOf, synthesise } from './support.ts';

function routesOf(template: ReturnType<typeof synthesise>['template']) {
  return Object.values(resourcesOf(template, 'AWS::ApiGatewayV2::Route')).map(
    ({ Properties }) => Properties,
  );
}

describe('access', () => {
  it('is by IAM credentials unless said otherwise, on every route', () => {
    const { template } = synthesise();
    const routes = routesOf(template);
    expect(routes.map(({ RouteKey }) => RouteKey)).toEqual(
      gatewayPaths.map((path) => `ANY ${path}`),
    );
    for (const route of routes) expect(route).toMatchObject({ AuthorizationType: 'AWS_IAM' });
  });

  it('is by token: issuer, audience, scopes, and the models that a claim names', () => {
    const { template } = synthesise({
      access: EndpointAccess.jwt({
        issuer: 'https://issuer.example',
        audience: ['pilotlight'],
        scopes: ['infer'],
        modelsClaim: 'models',
      }),
    });
    template.hasResourceProperties('AWS::ApiGatewayV2::Authorizer', {
      AuthorizerType: 'JWT',
      JwtConfiguration: { Issuer: 'https://issuer.example', Audience: ['pilotlight'] },
    });
    for (const route of routesOf(template)) {
      expect(route).toMatchObject({ AuthorizationType: 'JWT', AuthorizationScopes: ['infer'] });
    }
    expect(
      resourceOf(template, 'AWS::Lambda::Function', 'InferenceApiFunction').Properties,
    ).toMatchObject({ Environment: { Variables: { PILOTLIGHT_MODELS_CLAIM: 'models' } } });
  });

  it('is by a function of yours, asked anew for each request', () => {
    const { template } = synthesise((stack) => ({
      access: EndpointAccess.lambdaAuthorizer({
        handler: LambdaFunction.fromFunctionName(stack, 'Guard', 'guard'),
      }),
    }));
    template.hasResourceProperties('AWS::ApiGatewayV2::Authorizer', {
      AuthorizerType: 'REQUEST',
      EnableSimpleResponses: true,
      AuthorizerResultTtlInSeconds: 0,
      IdentitySource: ['$request.header.Authorization'],
    });
    for (const route of routesOf(template)) {
      expect(route).toMatchObject({ AuthorizationType: 'CUSTOM' });
    }
  });

  it('remembers what a function answered for as long as told', () => {
    const { template } = synthesise((stack) => ({
      access: EndpointAccess.lambdaAuthorizer({
        handler: LambdaFunction.fromFunctionName(stack, 'Guard', 'guard'),
        identitySource: ['$request.header.X-Key'],
        resultsCacheTtl: Duration.minutes(5),
      }),
    }));
    template.hasResourceProperties('AWS::ApiGatewayV2::Authorizer', {
      AuthorizerResultTtlInSeconds: 300,
      IdentitySource: ['$request.header.X-Key'],
    });
  });

  it('is for everybody only with a loud warning', () => {
    const { stack, template } = synthesise({ access: EndpointAccess.public() });
    for (const route of routesOf(template)) {
      expect(route).toMatchObject({ AuthorizationType: 'NONE' });
    }
    Annotations.fromStack(stack).hasWarning(
      '*',
      Match.stringLikeRegexp('Anyone who knows the URL can call this endpoint at your cost'),
    );
    Annotations.fromStack(synthesise().stack).hasNoWarning('*', Match.anyValue());
  });
});

describe('the front door', () => {
  it('lets so many requests through, measures each route and logs each request as JSON', () => {
    const { template } = synthesise({ throttlingRateLimit: 20, throttlingBurstLimit: 40 });
    const { Properties } = resourceOf(template, 'AWS::ApiGatewayV2::Stage', 'InferenceEndpoint');
    expect(Properties).toMatchObject({
      StageName: '$default',
      DefaultRouteSettings: {
        ThrottlingRateLimit: 20,
        ThrottlingBurstLimit: 40,
        DetailedMetricsEnabled: true,
      },
    });
    const { Format } = Properties['AccessLogSettings'] as { Format: string };
    expect(JSON.parse(Format)).toMatchObject({
      requestId: '$context.requestId',
      status: '$context.status',
    });
  });

  it('answers preflights of the named origins without asking for credentials', () => {
    const { template } = synthesise({ corsOrigins: ['https://app.example'] });
    template.hasResourceProperties('AWS::ApiGatewayV2::Api', {
      CorsConfiguration: Match.objectLike({
        AllowOrigins: ['https://app.example'],
        AllowMethods: ['GET', 'POST'],
        AllowHeaders: Match.arrayWith([
          'content-type',
          'inference-header-content-length',
          'x-amzn-sagemaker-target-model',
        ]),
        ExposeHeaders: Match.arrayWith(['location', 'preference-applied']),
      }),
    });
    const preflights = routesOf(template).filter(({ RouteKey }) =>
      String(RouteKey).startsWith('OPTIONS '),
    );
    expect(preflights).toHaveLength(gatewayPaths.length);
    for (const route of preflights) expect(route).toMatchObject({ AuthorizationType: 'NONE' });
    synthesise().template.hasResourceProperties('AWS::ApiGatewayV2::Api', {
      CorsConfiguration: Match.absent(),
    });
  });

  it("stands under a domain of yours, and then no longer under API Gateway's", () => {
    const { template, service } = synthesise((stack) => ({
      domainName: DomainName.fromDomainNameAttributes(stack, 'Domain', {
        name: 'models.example.com',
        regionalDomainName: 'd-abc.execute-api.eu-west-1.amazonaws.com',
        regionalHostedZoneId: 'Z1',
      }),
    }));
    template.hasResourceProperties('AWS::ApiGatewayV2::Api', { DisableExecuteApiEndpoint: true });
    template.hasResourceProperties('AWS::ApiGatewayV2::ApiMapping', {
      DomainName: 'models.example.com',
    });
    expect(service.endpoint.url).toBe('https://models.example.com');
  });
});
