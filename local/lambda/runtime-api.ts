import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { close, listen } from '../listen.ts';
import { readBody } from '../request-body.ts';
import { responsePayloadBytes, responseTooLarge } from './error-documents.ts';
import type { InvokeResult } from './invoke-result.ts';

/** One invocation on its way into an environment. */
export interface Invocation {
  readonly requestId: string;
  /** JSON text. */
  readonly payload: string;
  readonly traceId: string;
}

/** What the process behind a Runtime API does, told as it happens. */
export interface RuntimeApiListener {
  /** It asks for work: it has started, or is done with something that it had. */
  onNext(): void;
  onResult(requestId: string, result: InvokeResult): void;
  /** Its handler could not be loaded; Lambda's error document as JSON text. */
  onInitError(payload: string): void;
}

/** Lambda's Runtime API (docs: runtimes-api, version 2018-06-01) for one execution environment. */
export interface RuntimeApi {
  /** Host and port, as AWS_LAMBDA_RUNTIME_API has it. */
  readonly address: string;
  /** How many calls for work are open: a process with room for several invocations asks several times. */
  readonly openCalls: number;
  /** Hands an invocation to the process, which must be asking for one. */
  deliver(invocation: Invocation, functionArn: string, deadlineMs: number): void;
  close(): Promise<void>;
}

export async function openRuntimeApi(listener: RuntimeApiListener): Promise<RuntimeApi> {
  /** The process's calls for work. */
  const open: ServerResponse[] = [];

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').replace(/^\/2018-06-01\/runtime\//, '');
    const [scope, requestId = '', verb] = path.split('/');
    if (path === 'invocation/next') {
      open.push(response);
      listener.onNext();
      return;
    }
    const body = (await readBody(request, responsePayloadBytes))?.toString();
    if (path === 'init/error') {
      listener.onInitError(body ?? '{}');
    } else if (scope === 'invocation' && verb === 'error') {
      listener.onResult(requestId, { kind: 'error', payload: body ?? '{}' });
    } else if (scope === 'invocation' && verb === 'response') {
      listener.onResult(
        requestId,
        body === undefined
          ? { kind: 'error', payload: responseTooLarge() }
          : { kind: 'success', payload: body },
      );
    } else {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(body === undefined ? 413 : 202).end();
  }

  const server = createServer((request, response) => {
    // A process that is killed in the middle of a call is the environment's business, not this one's.
    handle(request, response).catch(() => response.destroy());
  });
  // The process waits for work as long as it takes, and reuses its connections.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  const port = await listen(server, 0);

  return {
    address: `127.0.0.1:${port}`,
    get openCalls() {
      return open.length;
    },
    deliver({ requestId, payload, traceId }, functionArn, deadlineMs) {
      open
        .shift()
        ?.writeHead(200, {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(payload),
          'lambda-runtime-aws-request-id': requestId,
          'lambda-runtime-deadline-ms': `${deadlineMs}`,
          'lambda-runtime-invoked-function-arn': functionArn,
          'lambda-runtime-trace-id': traceId,
        })
        .end(payload);
    },
    close: () => close(server, 0),
  };
}
