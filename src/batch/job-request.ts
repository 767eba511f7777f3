import * as v from 'valibot';
import { isName } from '../contract/names.ts';
import { invalidRequest, ServingError } from '../errors.ts';
import { inputFormats, outputFormats } from './job.ts';

const name = v.pipe(v.string(), v.check(isName, 'expected a name'));
const key = v.pipe(v.string(), v.minLength(1), v.maxLength(1024));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const positive = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

const inputOptions = { format: v.optional(v.picklist(inputFormats)) };

/** What is asked of a transform job: the document of `*.job.json` and of `POST /v2/jobs`. */
export const jobRequestSchema = v.strictObject({
  $schema: v.optional(v.string()),
  model: name,
  /** Version or alias. @default what the model's policy picks */
  version: v.optional(name),
  /** Keys are those of the jobs bucket. */
  input: v.union(
    [
      v.strictObject({ ...inputOptions, key }),
      v.strictObject({
        ...inputOptions,
        keys: v.pipe(v.array(key), v.minLength(1), v.maxLength(1000)),
      }),
      /** Every object below it. */
      v.strictObject({ ...inputOptions, prefix: key }),
      /** An object that names one key a line. */
      v.strictObject({ ...inputOptions, list: key }),
      /** The failed records of another job. */
      v.strictObject({ errorsOf: v.string() }),
    ],
    'expected one of key, keys, prefix, list or errorsOf',
  ),
  output: v.optional(
    v.strictObject({
      format: v.optional(v.picklist(outputFormats), 'jsonl'),
      merge: v.optional(v.boolean(), false),
      joinInput: v.optional(v.boolean(), false),
      names: v.optional(v.pipe(v.array(v.string()), v.minLength(1))),
    }),
    {},
  ),
  /** Failed records after which the job ends. @default all of them are tolerated */
  maxFailedRecords: v.optional(count),
  maxFailedPercent: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(100))),
  shardBytes: v.optional(positive),
  shardRecords: v.optional(positive),
  /** Rows of one run. @default measured */
  rowsPerRun: v.optional(v.pipe(positive, v.maxValue(65_536))),
  /** Two requests with the same token are one job. */
  token: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(200))),
});
export type JobRequest = v.InferOutput<typeof jobRequestSchema>;

/** @throws ServingError INVALID_REQUEST that names the field */
export function parseJobRequest(document: unknown): JobRequest {
  const result = v.safeParse(jobRequestSchema, document);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = v.getDotPath(issue);
  throw field === null
    ? new ServingError('INVALID_REQUEST', `job: ${issue.message}`)
    : invalidRequest(field, issue.expected ?? issue.message, issue.received);
}

/** @throws ServingError INVALID_REQUEST */
export function parseJobRequestText(text: string | Uint8Array): JobRequest {
  let document: unknown;
  try {
    document = JSON.parse(typeof text === 'string' ? text : Buffer.from(text).toString());
  } catch (cause) {
    throw new ServingError('INVALID_REQUEST', 'job: expected JSON', { cause });
  }
  return parseJobRequest(document);
}
