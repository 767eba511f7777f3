import {
  boolean,
  count,
  listOf,
  object,
  reference,
  type Schema,
  strictObject,
  string,
} from './schemas.ts';

/** As the reader of requests counts. */
const safeCount: Schema = { ...count, maximum: Number.MAX_SAFE_INTEGER };
const positive: Schema = { ...safeCount, minimum: 1 };
const key: Schema = { type: 'string', minLength: 1, maxLength: 1024 };
const percent: Schema = { type: 'number', minimum: 0, maximum: 100 };
const next: Schema = {
  ...string,
  description: 'What asks for the next page, as `after`. Only a page without it is the last.',
};

const format: Schema = {
  type: 'string',
  enum: ['jsonl', 'csv', 'text', 'parquet', 'npy', 'media'],
  description: 'What objects are. Default: by the name of each.',
};

/** Where records come from: one of these. Keys are those of the jobs bucket. */
const input: Schema = {
  description:
    'Lines of JSON are rows, or requests of the infer route; for a pipeline, requests of its predict route.',
  anyOf: [
    strictObject({ format, key }, ['key']),
    strictObject({ format, keys: { type: 'array', items: key, minItems: 1, maxItems: 1000 } }, [
      'keys',
    ]),
    strictObject({ format, prefix: { ...key, description: 'Every object below it.' } }, ['prefix']),
    strictObject(
      { format, list: { ...key, description: 'An object that names one key a line.' } },
      ['list'],
    ),
    strictObject(
      {
        errorsOf: {
          ...string,
          description: 'The failed records of that job, taken for what it took them for.',
        },
      },
      ['errorsOf'],
    ),
  ],
};

const output: Schema = {
  ...strictObject(
    {
      format: { type: 'string', enum: ['jsonl', 'csv', 'parquet'], default: 'jsonl' },
      merge: { ...boolean, default: false, description: 'One object of all parts, beside them.' },
      joinInput: {
        ...boolean,
        default: false,
        description: 'Each line also holds the record that it answers.',
      },
      names: {
        type: 'array',
        items: string,
        minItems: 1,
        description: 'Outputs of the model to keep. Default: all.',
      },
    },
    [],
  ),
  default: {},
};

/** What a job is, in the list and by itself. */
const told: Schema = {
  id: string,
  state: reference('JobState'),
  reason: { ...string, description: 'Why it failed or was cancelled.' },
  model_name: string,
  model_version: string,
  source: {
    ...string,
    description: 'What asked for it: the key of an upload, `api`, or `request`.',
  },
  created_at: { ...string, format: 'date-time' },
  results: { ...string, description: 'What its keys in the results bucket begin with.' },
  manifest: { ...string, description: 'Key of the manifest, once it is complete.' },
};

/** What the jobs API takes and tells. */
export const jobSchemas: Readonly<Record<string, Schema>> = {
  JobRequest: strictObject(
    {
      $schema: string,
      model: string,
      version: {
        ...string,
        description: 'Version or alias. Default: what the model’s policy picks.',
      },
      input,
      output,
      maxFailedRecords: {
        ...safeCount,
        description: 'Failed records after which the job ends. Default: none.',
      },
      maxFailedPercent: { ...percent, description: 'The same as a share, from 1,000 records on.' },
      shardBytes: { ...positive, description: 'Bytes of lines for one shard.' },
      shardRecords: { ...positive, description: 'Rows or objects for one shard.' },
      rowsPerRun: { ...positive, maximum: 65_536, description: 'Default: measured.' },
      token: {
        type: 'string',
        minLength: 1,
        maxLength: 200,
        description: 'Two requests with the same token are one job.',
      },
    },
    ['model', 'input'],
  ),
  JobState: {
    enum: ['planning', 'running', 'completed', 'failed', 'cancelled'],
    description: '`failed` and `cancelled` can be driven again, but for what was refused.',
  },
  JobRecords: object({ done: count, succeeded: count, failed: count }, [
    'done',
    'succeeded',
    'failed',
  ]),
  FailedShard: object(
    {
      shard: count,
      reason: string,
      atMs: { ...count, description: 'Milliseconds since 1970.' },
      over: { ...boolean, description: 'Whether the last try is over.' },
      redrives: { ...count, description: 'How often the job had been driven again.' },
    },
    ['shard', 'reason', 'atMs', 'over', 'redrives'],
  ),
  Job: object(
    {
      ...told,
      shards: object({ planned: count, done: count, failed: count }, ['planned', 'done', 'failed']),
      records: reference('JobRecords'),
      records_per_second: { type: 'number', minimum: 0 },
      seconds_left: { ...count, description: 'By the pace so far.' },
      failed_shards: {
        type: 'array',
        items: reference('FailedShard'),
        maxItems: 100,
        description: 'Shards that were given up, and wait to be driven again.',
      },
    },
    ['id', 'state', 'records', 'results'],
  ),
  JobSummary: object(
    {
      ...told,
      shards: object({ planned: count }, ['planned']),
      records: { ...reference('JobRecords'), description: 'Once the job is complete.' },
    },
    ['id', 'state', 'created_at', 'results'],
  ),
  JobList: object({ jobs: listOf(reference('JobSummary')), next }, ['jobs']),
  JobError: object(
    {
      input: { ...string, description: 'Key of the object.' },
      number: { ...positive, description: 'Line, row or object.' },
      offset: { ...count, description: 'Of its first byte, where records are stretches of bytes.' },
      bytes: count,
      id: { ...string, description: 'That of the request.' },
      code: string,
      reason: string,
      etag: string,
      versionId: string,
      objectBytes: count,
    },
    ['number', 'bytes', 'code', 'reason'],
  ),
  JobErrors: object({ errors: listOf(reference('JobError')), next }, ['errors']),
  LaterState: object({ state: { const: 'running' } }, ['state']),
};
