import type { Context } from 'aws-lambda';
import { createApiHandler } from '../../src/edge/api/handler.ts';
import { gatewayEvent } from '../support/gateway-event.ts';
import type { Laptop } from './laptop.ts';

export interface FunctionResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly document: Record<string, unknown>;
}

export type CallFunction = (
  method: string,
  path: string,
  body?: Uint8Array | string | object,
  headers?: Readonly<Record<string, string>>,
) => Promise<FunctionResponse>;

/** The api function itself over a laptop's buckets and queues, in this process: from API Gateway's event to its answer. */
export async function startApiFunction({ environment }: Laptop): Promise<CallFunction> {
  Object.assign(process.env, environment);
  const handler = await createApiHandler(environment);
  return async (method, path, body = '', headers = {}) => {
    const [pathname = '', query = ''] = path.split('?');
    const bytes =
      body instanceof Uint8Array
        ? body
        : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const event = gatewayEvent(pathname, bytes, { ...headers });
    const http = { ...event.requestContext.http, method };
    const context = { getRemainingTimeInMillis: () => 29_000 } as Context;
    const response = await handler(
      { ...event, rawQueryString: query, requestContext: { ...event.requestContext, http } },
      context,
    );
    return {
      status: response.statusCode ?? 200,
      headers: { ...response.headers },
      document: JSON.parse(response.body === '' ? '{}' : (response.body ?? '{}')) as Record<
        string,
        unknown
      >,
    };
  };
}
