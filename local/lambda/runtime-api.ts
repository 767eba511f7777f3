import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen } from '../listen.ts';
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
  /** It asks for work: it has started, or is done with what it had. */
  onNext(): void;
  onResult(requestId: string, result: InvokeResult): void;
  /** Its handler could not be loaded; Lambda's error document as JSON text. */
  onInitError(payload: string): void;
}

/** Lambda's Runtime API (docs: runtimes-api, version 2018-06-01) for one execution environment. */
export interface RuntimeApi {
  /** Host and port, as AWS_LAMBDA_RUNTIME_API has it. */
  readonly address: string;
  /** Hands an invocation to the process, which must be asking for one. */
  deliver(invocation: Invocation, functionArn: string, deadlineMs: number): void;
  close(): void;
}

export async function openRuntimeApi(listener: RuntimeApiListener): Promise<RuntimeApi> {
  /** The process's open call for work. */
  let next: ServerResponse | undefined;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').replace(/^\/2018-06-01\/runtime\//, '');
    const [scope, requestId = '', verb] = path.split('/');
    if (path === 'invocation/next') {
      next = response;
      listener.onNext();
      return;
    }
    const body = await readBody(request, responsePayloadBytes);
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
  // The process waits for work as long as it takes, and reuses one connection.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  const port = await listen(server, 0);

  return {
    address: `127.0.0.1:${port}`,
    deliver({ requestId, payload, traceId }, functionArn, deadlineMs) {
      next?.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(payload),
        'lambda-runtime-aws-request-id': requestId,
        'lambda-runtime-deadline-ms': `${deadlineMs}`,
        'lambda-runtime-invoked-function-arn': functionArn,
        'lambda-runtime-trace-id': traceId,
      });
      next?.end(payload);
      next = undefined;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A body as text; undefined when it is over the limit, of which then no more is kept. */
async function readBody(request: IncomingMessage, limitBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes <= limitBytes) chunks.push(chunk);
  }
  return bytes > limitBytes ? undefined : Buffer.concat(chunks, bytes).toString();
}
