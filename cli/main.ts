#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { S3Client } from '@aws-sdk/client-s3';
import { isName } from '../src/contract/names.ts';
import { ServingError } from '../src/errors.ts';
import { moveAlias } from './alias.ts';
import { explained } from './failure.ts';
import { publishModel } from './publish.ts';
import { UsageError } from './usage-error.ts';
import { listVersions } from './versions.ts';

const usage = `pilotlight: publish models to a Pilotlight model repository

  pilotlight publish MODEL FILE_OR_FOLDER [--version V] [--prepare] [--alias A]
  pilotlight alias MODEL ALIAS VERSION
  pilotlight versions MODEL

  --bucket B        the models bucket            [PILOTLIGHT_MODELS_BUCKET, else pilotlight-models]
  --endpoint URL    another S3, such as the laptop cloud's http://127.0.0.1:9000   [AWS_ENDPOINT_URL_S3]
  --version V       a new version's name         [the highest number so far, and one more]
  --prepare         add an artefact that ONNX Runtime optimised for this kind of machine: it loads faster there
  --alias A         point this alias at the new version
`;

const options = {
  bucket: { type: 'string' },
  endpoint: { type: 'string' },
  version: { type: 'string' },
  prepare: { type: 'boolean', default: false },
  alias: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Arguments that each command takes behind the model. */
const commands: Readonly<Record<string, readonly string[]>> = {
  publish: ['FILE_OR_FOLDER'],
  alias: ['ALIAS', 'VERSION'],
  versions: [],
};

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [command, ...others] = positionals;
  if (values.help || command === undefined) {
    console.log(usage);
    return;
  }
  checkArguments(command, others);
  if (values.alias !== undefined) requireName('--alias', values.alias);
  const place = {
    bucket: values.bucket ?? (process.env['PILOTLIGHT_MODELS_BUCKET'] || 'pilotlight-models'),
    endpoint: values.endpoint ?? (process.env['AWS_ENDPOINT_URL_S3'] || undefined),
  };
  try {
    await run(createClient(place.endpoint), place.bucket, values, positionals);
  } catch (thrown) {
    throw explained(thrown, place);
  }
}

async function run(
  s3: S3Client,
  bucket: string,
  values: Pick<Values, 'version' | 'prepare' | 'alias'>,
  [command, model = '', second = '', third = '']: readonly string[],
): Promise<void> {
  switch (command) {
    case 'publish': {
      const version = await publishModel(s3, {
        bucket,
        model,
        source: second,
        version: values.version,
        prepare: values.prepare,
        onUpload: (path, sizeBytes) => console.log(`  ${path}  ${sizeBytes} bytes`),
      });
      console.log(`published ${model} version ${version}`);
      if (values.alias !== undefined) await alias(s3, bucket, model, values.alias, version);
      return;
    }
    case 'alias':
      return alias(s3, bucket, model, second, third);
    default:
      for (const version of (await listVersions(s3, bucket, model)).published) console.log(version);
  }
}

/** @throws UsageError for another command, a model that is none, and arguments that are missing or too many */
function checkArguments(command: string, [model = '', ...others]: readonly string[]): void {
  const names = Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (names === undefined) {
    throw new UsageError(`expected publish, alias or versions, got ${command}`);
  }
  requireName('model', model);
  const missing = names.find((_, index) => (others[index] ?? '') === '');
  if (missing !== undefined) throw new UsageError(`${command}: expected ${missing}, got none`);
  const more = others.slice(names.length);
  if (more.length > 0) {
    throw new UsageError(
      `${command}: expected ${['MODEL', ...names].join(' ')}, got ${more.join(' ')} too`,
    );
  }
}

function requireName(what: string, name: string): void {
  if (!isName(name)) throw new UsageError(`${what}: expected a name, got ${JSON.stringify(name)}`);
}

async function alias(
  s3: S3Client,
  bucket: string,
  model: string,
  name: string,
  version: string,
): Promise<void> {
  const before = await moveAlias(s3, { bucket, model, alias: name, version });
  console.log(`${model}: ${name} is version ${version}, it was ${before ?? 'not set'}`);
}

/** The laptop cloud takes any credentials, but the SDK wants some. */
function createClient(endpoint: string | undefined): S3Client {
  if (endpoint === undefined) return new S3Client({});
  if (!URL.canParse(endpoint)) {
    throw new UsageError(`--endpoint: expected a URL, got ${JSON.stringify(endpoint)}`);
  }
  const loopback = ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(endpoint).hostname);
  if (!loopback) return new S3Client({ endpoint });
  return new S3Client({
    endpoint,
    forcePathStyle: true,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
}

/** What the user can mend is told as one sentence, anything else with its stack. */
function isUsersOwn(thrown: unknown): thrown is Error {
  if (thrown instanceof UsageError || thrown instanceof ServingError) return true;
  return thrown instanceof TypeError && /^ERR_PARSE_ARGS_/.test(String(Object(thrown).code));
}

try {
  await main();
} catch (thrown) {
  console.error(isUsersOwn(thrown) ? `pilotlight: ${thrown.message}` : thrown);
  process.exitCode = 1;
}
