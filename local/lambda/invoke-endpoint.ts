import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { lambdaPayloadBytes } from '../../src/contract/limits.ts';
import { faultsPath, serveFaults } from '../faults/route.ts';
import { close, listen } from '../listen.ts';
import { readBody } from '../request-body.ts';
import { functionNameOf } from '../template/names.ts';
import type { InvokeResult } from './invoke-result.ts';
import type { Lambda } from './service.ts';

/** Lambda's Invoke over HTTP, so that `aws lambda invoke --endpoint-url` and the SDK reach the functions. */
export interface InvokeEndpoint {
  readonly url: string;
  close(): Promise<void>;
}

/** @throws ListenError when the port cannot be had */
export async function openInvokeEndpoint(lambda: Lambda, port: number): Promise<InvokeEndpoint> {
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === faultsPath) return serveFaults(lambda.faults, request, response);
    const path = decodeURIComponent((request.url ?? '').split('?')[0] ?? '');
    const [, target] = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(path) ?? [];
    if (target === undefined || request.method !== 'POST') {
      refuse(response, 404, 'UnknownOperationException', 'only Invoke is here');
      return;
    }
    const functionName = functionNameOf(target) ?? target.split(':')[0] ?? target;
    if (!lambda.functionNames.includes(functionName)) {
      refuse(response, 404, 'ResourceNotFoundException', `Function not found: ${functionName}`);
      return;
    }
    const body = await readBody(request, lambdaPayloadBytes);
    if (body === undefined) {
      const message = `Request must be smaller than ${lambdaPayloadBytes} bytes for the InvokeFunction operation`;
      refuse(response, 413, 'RequestTooLargeException', message);
      return;
    }
    const payload = body.toString() || '{}';
    if (!isJson(payload)) {
      const message = 'Could not parse request body into json';
      refuse(response, 400, 'InvalidRequestContentException', message);
      return;
    }
    const invocationType = request.headers['x-amz-invocation-type'];
    if (invocationType === 'DryRun') {
      response.writeHead(204).end();
      return;
    }
    const invocation = lambda.invoke(functionName, payload);
    if (invocationType === 'Event') response.writeHead(202).end();
    else sendResult(response, await invocation);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  const boundPort = await listen(server, port);
  return {
    url: `http://127.0.0.1:${boundPort}`,
    close: () => close(server, 0),
  };
}

function sendResult(response: ServerResponse, result: InvokeResult): void {
  if (result.kind === 'throttled') {
    refuse(response, 429, 'TooManyRequestsException', 'Rate Exceeded.');
    return;
  }
  response.writeHead(200, {
    'content-type': 'application/json',
    'x-amz-executed-version': '$LATEST',
    ...(result.kind === 'error' && { 'x-amz-function-error': 'Unhandled' }),
  });
  response.end(result.payload);
}

function refuse(response: ServerResponse, statusCode: number, type: string, message: string): void {
  response.writeHead(statusCode, {
    'content-type': 'application/json',
    'x-amzn-errortype': type,
  });
  response.end(JSON.stringify({ Type: 'User', Message: message }));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
