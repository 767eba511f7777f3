import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { faultsPath, serveFaults } from '../faults/route.ts';
import { readBody } from '../request-body.ts';
import { SqsError } from './errors.ts';
import { Fields } from './fields.ts';
import { messageOperations } from './message-operations.ts';
import { queueOperations } from './queue-operations.ts';
import type { Operation, Service } from './service.ts';

const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ...Object.entries(queueOperations),
  ...Object.entries(messageOperations),
]);

const jsonProtocol = 'application/x-amz-json-1.0';

/** Room for a batch of 1 MiB whose every character takes six in JSON. */
const maximumRequestBytes = 8 * 1024 * 1024;

/**
 * Answers one HTTP request: `POST /` in AWS JSON 1.0, the operation named by `X-Amz-Target`, or the faults.
 * Never rejects. Source: smithy.io, "AWS JSON 1.0 protocol" and "AWS query compatible".
 */
export async function serve(
  service: Service,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    if (request.url === faultsPath) await serveFaults(service.faults, request, response);
    else await serveOperation(service, request, response);
  } catch (error) {
    if (response.headersSent || response.destroyed) response.destroy();
    else sendError(response, toSqsError(service, error));
  }
}

async function serveOperation(
  service: Service,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const name = operationName(request);
  const operation = operations.get(name);
  if (operation === undefined) {
    throw new SqsError('UnknownOperationException', `The action ${name} is not valid here.`);
  }
  const body = new Fields(await readJson(request), 'request');
  const fault = service.faults.forCall(name);
  if (fault instanceof SqsError) throw fault;
  if (fault === 'resetBeforeAnswer') {
    request.socket.resetAndDestroy();
    return;
  }
  const answer = await withHangUp(request, (signal) => operation(service, body, signal));
  if (fault === 'lostResponse') request.socket.resetAndDestroy();
  else sendJson(response, 200, jsonProtocol, answer);
}

/**
 * Gives `work` a signal that fires when the client hangs up. The end of its half of the connection is noticed
 * a turn of the event loop before the connection is closed on both sides.
 */
async function withHangUp<Result>(
  request: IncomingMessage,
  work: (signal: AbortSignal) => Result | Promise<Result>,
): Promise<Result> {
  const hangUp = new AbortController();
  const abort = () => hangUp.abort();
  const { socket } = request;
  socket.once('end', abort).once('close', abort);
  try {
    return await work(hangUp.signal);
  } finally {
    socket.off('end', abort).off('close', abort);
  }
}

function operationName(request: IncomingMessage): string {
  const target = request.headers['x-amz-target'];
  const name = typeof target === 'string' ? /^AmazonSQS\.(\w+)$/.exec(target)?.[1] : undefined;
  if (request.method !== 'POST' || name === undefined) {
    throw new SqsError(
      'UnknownOperationException',
      'This is the SQS of the laptop cloud. It expects a POST in the AWS JSON protocol, with a header ' +
        '"X-Amz-Target: AmazonSQS.<Action>", as current AWS SDKs and the aws CLI send it.',
    );
  }
  // A web page cannot send this type to another origin unasked, which keeps browsers out.
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim();
  if (type !== jsonProtocol) {
    throw new SqsError(
      'SerializationException',
      `content-type: expected ${jsonProtocol}, got ${type ?? 'none'}`,
    );
  }
  return name;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const body = await readBody(request, maximumRequestBytes);
  if (body === undefined) {
    throw new SqsError(
      'SerializationException',
      `A request has ${maximumRequestBytes} bytes at most.`,
    );
  }
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new SqsError('SerializationException', 'The body of the request is not JSON.');
  }
}

function sendError(response: ServerResponse, error: SqsError): void {
  response.setHeader(
    'x-amzn-query-error',
    `${error.queryCode};${error.senderFault ? 'Sender' : 'Receiver'}`,
  );
  // What is left of a request that was not read to its end would be taken for the next one.
  if (!response.req.complete) response.setHeader('connection', 'close');
  sendJson(response, error.statusCode, jsonProtocol, {
    __type: `com.amazonaws.sqs#${error.name}`,
    message: error.message,
  });
}

function toSqsError({ disk, onProblem }: Service, error: unknown): SqsError {
  if (error instanceof SqsError) return error;
  const refusal = disk.explain(error);
  if (refusal !== undefined) return new SqsError('ServiceUnavailable', refusal.sentence);
  onProblem('a call failed', error);
  return new SqsError('InternalFailure', 'The SQS server of the laptop cloud failed.');
}

function sendJson(
  response: ServerResponse,
  statusCode: number,
  contentType: string,
  value: object,
): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(statusCode, {
    'content-type': contentType,
    'content-length': body.byteLength,
    'x-amzn-requestid': randomUUID(),
  });
  response.end(body);
}
