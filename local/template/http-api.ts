import { httpApiTimeoutMs } from '../../src/contract/limits.ts';
import type { Cursor } from './cursor.ts';
import { functionNameOf } from './names.ts';
import { type Resource, resourcesOf, type Template } from './template.ts';

export interface RouteDescription {
  /** `ANY /v2/{proxy+}`, `GET /ping`, or `$default`. */
  readonly routeKey: string;
  readonly functionName: string;
  readonly timeoutMs: number;
  /** `NONE`, `AWS_IAM`, `JWT` or `CUSTOM`: who may call on AWS. The laptop lets everyone in. */
  readonly authorizationType: string;
}

/** Cross-origin settings; lists may hold `*`. */
export interface CorsDescription {
  readonly allowOrigins: readonly string[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds: number | undefined;
  readonly allowCredentials: boolean;
}

export interface HttpApiDescription {
  readonly logicalId: string;
  /** `$default`, whose paths have no prefix, or a name that stands first in every path. */
  readonly stageName: string;
  readonly routes: readonly RouteDescription[];
  readonly cors: CorsDescription | undefined;
}

/** The template's HTTP API, undefined when it has none. @throws TemplateError that names the logical id and the property */
export function describeHttpApi(template: Template): HttpApiDescription | undefined {
  const [api, second] = resourcesOf(template, 'AWS::ApiGatewayV2::Api');
  if (api === undefined) return undefined;
  if (second !== undefined) {
    throw second.properties.unexpected('one API in a template: the laptop has one port for it');
  }
  const protocol = api.properties.at('ProtocolType');
  if (protocol.string() !== 'HTTP') throw protocol.unexpected('HTTP');
  const ofThisApi = ({ properties }: Resource) => properties.at('ApiId').string() === api.logicalId;
  const stage = resourcesOf(template, 'AWS::ApiGatewayV2::Stage').find(ofThisApi);
  return {
    logicalId: api.logicalId,
    stageName: stage?.properties.at('StageName').string() ?? '$default',
    routes: resourcesOf(template, 'AWS::ApiGatewayV2::Route')
      .filter(ofThisApi)
      .map((route) => describeRoute(route, template)),
    cors: describeCors(api.properties.at('CorsConfiguration')),
  };
}

function describeRoute({ properties }: Resource, template: Template): RouteDescription {
  const target = properties.at('Target');
  const integration = template.resources.get(target.string().replace(/^integrations\//, ''));
  if (integration?.type !== 'AWS::ApiGatewayV2::Integration') {
    throw target.unexpected('integrations/ and an integration of the template');
  }
  const version = integration.properties.at('PayloadFormatVersion');
  if (version.string() !== '2.0') throw version.unexpected('2.0');
  const uri = integration.properties.at('IntegrationUri');
  const functionName = functionNameOf(uri.string());
  if (functionName === undefined) throw uri.unexpected('the ARN of a function');
  return {
    routeKey: properties.at('RouteKey').string(),
    functionName,
    timeoutMs: integration.properties.at('TimeoutInMillis').integer(httpApiTimeoutMs),
    authorizationType: properties.at('AuthorizationType').optionalString() ?? 'NONE',
  };
}

function describeCors(configuration: Cursor): CorsDescription | undefined {
  if (!configuration.isPresent) return undefined;
  const list = (name: string) =>
    configuration
      .at(name)
      .items()
      .map((item) => item.string());
  return {
    allowOrigins: list('AllowOrigins'),
    allowMethods: list('AllowMethods'),
    allowHeaders: list('AllowHeaders'),
    exposeHeaders: list('ExposeHeaders'),
    maxAgeSeconds: configuration.at('MaxAge').optionalInteger(),
    allowCredentials: configuration.at('AllowCredentials').boolean(false),
  };
}
