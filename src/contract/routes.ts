/**
 * What API Gateway sends to the api function. The function itself tells paths and methods apart, so that an
 * unknown path or a wrong method gets the protocol's `{"error"}` and not the gateway's own body.
 */
export const gatewayPaths = [
  '/v2',
  '/v2/{proxy+}',
  '/models/{proxy+}',
  '/ping',
  '/invocations',
  '/openapi.json',
] as const;
