/**
 * Lambda's runtime interface client, as far as the laptop needs it: it runs inside an execution environment,
 * loads the handler, and takes invocations from the Runtime API: one at a time, or on managed instances as many as
 * AWS_LAMBDA_MAX_CONCURRENCY says, all on this one thread.
 *
 * AWS's own (npm aws-lambda-ric) builds a native part for minutes; the protocol behind it is plain HTTP
 * (docs: runtimes-api). It is compiled to one file, because it starts with every environment, and imports
 * little, because what it takes is added to each cold start.
 */
import { existsSync } from 'node:fs';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InvokeStore, InvokeStoreBase } from '@aws/lambda-invoke-store';

type Handler = (event: unknown, context: object) => unknown;

/** Lambda's error document. */
interface ErrorDocument {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
}

/** A failure of the bootstrap's own, under the name that Lambda gives it. */
class RuntimeError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

const [host, port] = variable('AWS_LAMBDA_RUNTIME_API').split(':');
const concurrency = Number(process.env['AWS_LAMBDA_MAX_CONCURRENCY'] ?? 1);
const agent = new Agent({ keepAlive: true, maxSockets: concurrency });

/** What runs now; an error that nobody caught is reported against it. */
const underWay = new Set<string>();

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined)
    throw new Error(`environment variable ${name}: expected a value, got none`);
  return value;
}

/** One call of the Runtime API. When it is gone, so is the laptop cloud, and this environment with it. */
function call(
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<{ headers: IncomingHttpHeaders; body: Buffer }> {
  return new Promise((resolve) => {
    const outgoing = request(
      { host, port, method, path: `/2018-06-01/runtime/${path}`, agent, headers },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () =>
          resolve({ headers: incoming.headers, body: Buffer.concat(chunks) }),
        );
        incoming.on('error', () => process.exit(1));
      },
    );
    outgoing.on('error', () => process.exit(1));
    outgoing.end(body);
  });
}

function reportError(path: string, error: ErrorDocument): Promise<unknown> {
  return call('POST', path, JSON.stringify(error), {
    'content-type': 'application/vnd.aws.lambda.error+json',
    'lambda-runtime-function-error-type': error.errorType,
  });
}

function errorDocument(thrown: unknown): ErrorDocument {
  if (!(thrown instanceof Error)) {
    return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
  }
  const trace = (thrown.stack ?? '').split('\n');
  return { errorType: thrown.name, errorMessage: thrown.message, trace };
}

/** `folder/file.export`, below the task root; the file's extension is found as AWS's client finds it. */
async function loadHandler(): Promise<Handler> {
  const name = variable('_HANDLER');
  const [, file, exported] = /^(.*?)\.([^/]+)$/.exec(name) ?? [];
  if (file === undefined || exported === undefined) {
    throw new RuntimeError('Runtime.MalformedHandlerName', `Bad handler: ${name}`);
  }
  const base = join(variable('LAMBDA_TASK_ROOT'), file);
  const extension = ['.js', '.mjs', '.cjs'].find((each) => existsSync(base + each));
  if (extension === undefined) {
    throw new RuntimeError('Runtime.ImportModuleError', `Error: Cannot find module '${file}'`);
  }
  const path = base + extension;
  const module: Record<string, unknown> =
    extension === '.mjs' ? await import(pathToFileURL(path).href) : createRequire(path)(path);
  const handler = exported.split('.').reduce<unknown>((value, key) => member(value, key), module);
  if (typeof handler !== 'function') {
    throw new RuntimeError('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  }
  return (event, context) => handler(event, context);
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

function contextOf(headers: IncomingHttpHeaders, requestId: string): object {
  const deadlineMs = Number(headers['lambda-runtime-deadline-ms']);
  return {
    callbackWaitsForEmptyEventLoop: false,
    functionName: variable('AWS_LAMBDA_FUNCTION_NAME'),
    functionVersion: variable('AWS_LAMBDA_FUNCTION_VERSION'),
    memoryLimitInMB: variable('AWS_LAMBDA_FUNCTION_MEMORY_SIZE'),
    logGroupName: variable('AWS_LAMBDA_LOG_GROUP_NAME'),
    logStreamName: variable('AWS_LAMBDA_LOG_STREAM_NAME'),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: requestId,
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
  };
}

/** Takes one invocation, runs it, and reports what it came to. */
async function serveOne(handler: Handler): Promise<void> {
  const { headers, body } = await call('GET', 'invocation/next');
  const requestId = String(headers['lambda-runtime-aws-request-id']);
  const traceId = String(headers['lambda-runtime-trace-id']);
  underWay.add(requestId);
  // A variable is everybody's: with several invocations at a time, each finds its own trace in the store alone.
  if (concurrency === 1) process.env['_X_AMZN_TRACE_ID'] = traceId;
  try {
    const result = await within({ requestId, traceId }, () =>
      handler(JSON.parse(body.toString()), contextOf(headers, requestId)),
    );
    // What JSON has no form for (nothing, a function) is null, as on Lambda.
    await call('POST', `invocation/${requestId}/response`, JSON.stringify(result) ?? 'null');
  } catch (thrown) {
    const error = errorDocument(thrown);
    console.error(JSON.stringify({ level: 'ERROR', requestId, ...error }));
    await reportError(`invocation/${requestId}/error`, error);
  }
  underWay.delete(requestId);
}

/** Runs something as part of an invocation: AWS's SDK and Powertools ask the store which one it is. */
async function within<Result>(
  invocation: { readonly requestId: string; readonly traceId: string },
  run: () => Result,
): Promise<Awaited<Result>> {
  const store = await InvokeStore.getInstanceAsync();
  const { REQUEST_ID, X_RAY_TRACE_ID } = InvokeStoreBase.PROTECTED_KEYS;
  const context = {
    [REQUEST_ID]: invocation.requestId,
    [X_RAY_TRACE_ID]: invocation.traceId,
  };
  return await store.run(context, run);
}

/** An error that nobody caught ends the environment, and all that ran in it: whose it was cannot be known. */
function endWith(exitCode: number): (thrown: unknown) => void {
  return (thrown) => {
    const error = errorDocument(thrown);
    console.error(JSON.stringify({ level: 'FATAL', requestIds: [...underWay], ...error }));
    const paths =
      underWay.size === 0
        ? ['init/error']
        : Array.from(underWay, (requestId) => `invocation/${requestId}/error`);
    Promise.all(paths.map((path) => reportError(path, error))).finally(() =>
      process.exit(exitCode),
    );
  };
}

async function main(): Promise<void> {
  // Exit codes as AWS's client has them.
  process.on('uncaughtException', endWith(129));
  process.on('unhandledRejection', (reason) => {
    const name = 'Runtime.UnhandledPromiseRejection';
    endWith(128)(Object.assign(new RuntimeError(name, String(reason)), stackOf(reason)));
  });
  let handler: Handler;
  try {
    // The handler's own libraries find it when they load.
    await InvokeStore.getInstanceAsync();
    handler = await loadHandler();
  } catch (thrown) {
    const error = errorDocument(thrown);
    console.error(JSON.stringify({ level: 'FATAL', ...error }));
    await reportError('init/error', error);
    process.exit(1);
  }
  for (let worker = 0; worker < concurrency; worker++) void serve(handler);
}

async function serve(handler: Handler): Promise<never> {
  for (;;) await serveOne(handler);
}

function stackOf(reason: unknown): { stack?: string } {
  return reason instanceof Error && reason.stack !== undefined ? { stack: reason.stack } : {};
}

void main();
