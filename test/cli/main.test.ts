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
  [['publish', 'iris'], 'publish: expected FILE_OR_FOLDER, got none'],
  [
    ['publish', 'iris', 'a.onnx', 'b.onnx'],
    'publish: expected MODEL FILE_OR_FOLDER, got b.onnx too',
  ],
  [['publish', 'iris', 'a.onnx', '--alias', 'a/b'], '--alias: expected a name, got "a/b"'],
  [['alias', 'iris', 'stable'], 'alias: expected VERSION, got none'],
  [['versions', 'iris', '1'], 'versions: expected MODEL, got 1 too'],
  [['toString'], 'expected publish, alias or versions, got toString'],
  [
    ['versions', 'iris', '--bucket', 'not-there'],
    'S3 refuses a call on bucket not-there: NoSuchBucket',
  ],
  [['versions', 'iris', '--endpoint', 'here'], '--endpoint: expected a URL, got "here"'],
  [
    ['versions', 'iris', '--endpoint', 'http://127.0.0.1:1'],
    'http://127.0.0.1:1 cannot be reached:',
  ],
  [['publish', 'iris', '/nowhere/x.onnx'], '/nowhere/x.onnx: no such file or folder'],
  [['publish', '../iris', 'x'], 'model: expected a name, got "../iris"'],
  [['alias', 'iris', 'stable', '9'], 'iris has no version 9; it has'],
  [['unpublish', 'iris'], 'expected publish, alias or versions, got unpublish'],
  [['versions', 'iris', '--bogus'], "Unknown option '--bogus'"],
])('%j is refused in one sentence', async (parts, sentence) => {
  const { code, output, problems } = await pilotlight([...toServer(), ...parts]);
  expect({ code, output }).toEqual({ code: 1, output: '' });
  expect(problems.startsWith(`pilotlight: ${sentence}`)).toBe(true);
  expect(problems).not.toContain('    at ');
});

it('a model that ONNX Runtime refuses is told in its words, and nothing is published', async () => {
  const source = join(folder, 'text.onnx');
  writeFileSync(source, 'a text');
  const outcome = await pilotlight(['publish', 'text', source, '--prepare', ...toServer()]);
  expect(outcome).toMatchObject({ code: 1, output: '' });
  expect(outcome.problems).toMatch(/^pilotlight: \S+text.onnx: ONNX Runtime refuses it: .*\n$/);
  expect((await pilotlight(['versions', 'text', ...toServer()])).output).toBe('');
});

it('without a region or credentials it says what is missing', async () => {
  const offline = { AWS_EC2_METADATA_DISABLED: 'true', HOME: folder };
  expect((await pilotlight(['versions', 'iris'], offline)).problems).toBe(
    'pilotlight: no AWS region: set AWS_REGION, or name another S3 by --endpoint\n',
  );
  const regional = { ...offline, AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL_S3: '' };
  expect((await pilotlight(['versions', 'iris'], regional)).problems).toMatch(
    /^pilotlight: no AWS credentials \(.*\): log in, or name another S3 by --endpoint\n$/,
  );
});
