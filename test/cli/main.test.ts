import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addConstant } from '../support/onnx-model.ts';
import { jsonOf, type Serving, startServing } from '../support/serving.ts';

let serving: Serving;
let folder: string;

beforeAll(async () => {
  serving = await startServing();
  folder = mkdtempSync(join(tmpdir(), 'pilotlight-command-'));
  writeFileSync(join(folder, 'iris.onnx'), addConstant('FP32', [-1], 5));
});
afterAll(async () => {
  await serving.close();
  rmSync(folder, { recursive: true });
});

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly problems: string;
}

/** Runs the command as a shell would, with nothing of AWS in its environment but what is given. */
function pilotlight(parts: readonly string[], environment: Record<string, string> = {}) {
  const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
  const { PATH = '' } = process.env;
  return new Promise<Outcome>((resolve) => {
    const env = { PATH, ORT_DISABLE_TELEMETRY: '1', ...environment };
    execFile(process.execPath, [main, ...parts], { env }, (error, output, problems) => {
      resolve({ code: Number(error?.code ?? 0), output, problems });
    });
  });
}

const toServer = () => ['--bucket', 'models', '--endpoint', serving.s3.url];

it('publishes, prepares and points an alias, all in one, and the model serves', async () => {
  const published = await pilotlight([
    'publish',
    'iris',
    join(folder, 'iris.onnx'),
    '--prepare',
    '--alias',
    'stable',
    ...toServer(),
  ]);
  expect(published).toEqual({
    code: 0,
    problems: '',
    output: expect.stringMatching(
      /^ {2}prepared\/\S+\/model\.onnx {2}\d+ bytes\n {2}model\.onnx {2}\d+ bytes\npublished iris version 1\niris: stable is version 1, it was not set\n$/,
    ),
  });
  const response = await serving.call('POST', '/v2/models/iris/versions/stable/infer', {
    body: { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [0] }] },
  });
  expect(jsonOf(response)).toMatchObject({ model_version: '1', outputs: [{ data: [5] }] });
});

it('takes the laptop’s endpoint and the bucket from the environment, without credentials', async () => {
  const environment = { AWS_ENDPOINT_URL_S3: serving.s3.url, PILOTLIGHT_MODELS_BUCKET: 'models' };
  const source = join(folder, 'iris.onnx');
  await pilotlight(['publish', 'env', source, '--version', 'a'], environment);
  await pilotlight(['publish', 'env', source], environment);
  expect(await pilotlight(['versions', 'env'], environment)).toMatchObject({
    code: 0,
    output: '1\na\n',
  });
  expect(await pilotlight(['alias', 'env', 'best', 'a'], environment)).toMatchObject({
    output: 'env: best is version a, it was not set\n',
  });
});

it('tells how it is used', async () => {
  expect((await pilotlight([])).output).toContain('pilotlight publish MODEL FILE_OR_FOLDER');
  expect((await pilotlight(['--help'])).output).toContain('--endpoint URL');
});

it.each([
  [['publish', 'iris'], 'publish: expected a model file or folder, got none'],
  [['publish', 'iris', '/nowhere/x.onnx'], '/nowhere/x.onnx: no such file or folder'],
  [['publish', '../iris', 'x'], 'model: expected a name, got "../iris"'],
  [['alias', 'iris', 'stable', '9'], 'iris has no version 9; it has'],
  [['unpublish', 'iris'], 'expected publish, alias or versions, got unpublish'],
  [['versions', 'iris', '--bogus'], "Unknown option '--bogus'"],
])('%j is refused in one sentence', async (parts, sentence) => {
  const { code, output, problems } = await pilotlight([...parts, ...toServer()]);
  expect({ code, output }).toEqual({ code: 1, output: '' });
  expect(problems.startsWith(`pilotlight: ${sentence}`)).toBe(true);
  expect(problems).not.toContain('    at ');
});
