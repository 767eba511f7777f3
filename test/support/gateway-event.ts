import type { GatewayEvent } from '../../src/edge/api/gateway.ts';

/** A `POST` of bytes as API Gateway hands it on. */
export function gatewayEvent(
  path: string,
  body: Uint8Array,
  headers: Record<string, string>,
): GatewayEvent {
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: '',
    headers,
    requestContext: {
      accountId: '',
      apiId: '',
      domainName: '',
      domainPrefix: '',
      http: { method: 'POST', path, protocol: 'HTTP/1.1', sourceIp: '', userAgent: '' },
      requestId: 'r',
      routeKey: '$default',
      stage: '$default',
      time: '',
      timeEpoch: 0,
    },
    body: Buffer.from(body).toString('base64'),
    isBase64Encoded: true,
  };
}
