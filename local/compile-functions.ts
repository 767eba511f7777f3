import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { environmentVariables } from '../src/contract/environment.ts';
import { manifestFileName, modelFileName, versionPrefix } from '../src/contract/keys.ts';
import { lambdaVariables } from './lambda/variables.ts';
import { startS3 } from './s3/server.ts';

/** `y = x` on one float: the smallest model there is. */
const identityModel = Buffer.from(
  'CAgSD3BpbG90bGlnaHQtdGVzdDo7ChAKAXgSAXkiCElkZW50aXR5EgVncmFwaFoPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCAhAR',
  'base64',
);

/** What each function is called with, in the order of the calls: whatever that runs is compiled ahead. */
const calls: Readonly<Record<string, readonly object[]>> = {
  api: [inferEvent(), inferEvent()],
  plan: [{ Records: [] }],
  transform: [{ Records: [] }],
};

/**
 * Has V8 compile the functions' scripts ahead of their starts: calls each function, in a process of its own and against
 * an S3 server on loopback, and keeps what was compiled for the call beside the script (functions/start.ts). It is good
 * for the version of Node that this runs in.
 *
 * @param taskRoot holds `<function>/handler.mjs`
 * @param onnxRuntimeDir holds ONNX Runtime's binaries
 * @throws Error with what a function printed when a call of it fails
 */
export async function compileFunctions(taskRoot: string, onnxRuntimeDir: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pilotlight-compile-'));
  const s3 = await startS3({ dataDir: join(folder, 's3'), buckets: [{ name: 'models' }] });
  try {
    await publishIdentity(s3.url);
    const compiled = Object.entries(calls).map(([name, events]) => {
      const temporaryDir = join(folder, name);
      const script = callScript(join(taskRoot, name, 'handler.mjs'), events);
      return runScript(name, script, {
        ...lambdaVariables({
          functionName: name,
          handler: `${name}/handler.handler`,
          taskRoot,
          memoryMiB: 1769,
          runtimeApi: '127.0.0.1',
          temporaryDir: folder,
          logStreamName: 'compile',
        }),
        AWS_ENDPOINT_URL_S3: s3.url,
        ORT_DISABLE_TELEMETRY: '1',
        [environmentVariables.onnxRuntimeDir]: onnxRuntimeDir,
        [environmentVariables.modelsBucket]: 'models',
        [environmentVariables.jobsBucket]: 'jobs',
        [environmentVariables.resultsBucket]: 'results',
        [environmentVariables.planQueueUrl]: `${s3.url}/plan`,
        [environmentVariables.shardQueueUrl]: `${s3.url}/shards`,
        [environmentVariables.modelCacheDir]: temporaryDir,
        [environmentVariables.compileTo]: join(taskRoot, name),
      });
    });
    // All of them to their end: one that still writes would stand in the way of the folder's removal.
    const outcomes = await Promise.allSettled(compiled);
    const failed = outcomes.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  } finally {
    await s3.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function publishIdentity(url: string): Promise<void> {
  const file = {
    path: modelFileName,
    sizeBytes: identityModel.byteLength,
    sha256: createHash('sha256').update(identityModel).digest('hex'),
  };
  const contents = {
    [modelFileName]: identityModel,
    [manifestFileName]: JSON.stringify({ files: [file] }),
  };
  for (const [name, body] of Object.entries(contents)) {
    const target = `${url}/models/${versionPrefix('identity', '1')}${name}`;
    const { ok, status } = await fetch(target, { method: 'PUT', body });
    if (!ok) throw new Error(`${name}: S3 answered ${status}`);
  }
}

/** As API Gateway's HTTP API hands a request over (payload format 2.0). */
function inferEvent(): object {
  const path = '/v2/models/identity/infer';
  return {
    version: '2.0',
    rawPath: path,
    rawQueryString: '',
    headers: { 'content-type': 'application/json' },
    requestContext: { http: { method: 'POST', path }, requestId: 'compile', stage: '$default' },
    body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }] }),
    isBase64Encoded: false,
  };
}

/** Calls a handler with one event after the other; fails unless each is answered well. */
function callScript(handlerPath: string, events: readonly object[]): string {
  return `
    const { handler } = await import(${JSON.stringify(pathToFileURL(handlerPath).href)});
    const context = { functionName: 'compile', awsRequestId: 'compile', getRemainingTimeInMillis: () => 30_000 };
    for (const event of ${JSON.stringify(events)}) {
      const result = await handler(event, context);
      if ((result.statusCode ?? 200) !== 200) throw new Error(JSON.stringify(result));
    }
    process.exit(0);`;
}

async function runScript(
  name: string,
  script: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => output.push(chunk));
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code === 0) return;
  const lastWords = Buffer.concat(output).toString().trim().slice(-4000);
  throw new Error(`${name}: its call ended with ${code}\n${lastWords}`);
}
