import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { type JobKeys, jobIdWord } from '../contract/job-keys.ts';
import { ServingError } from '../errors.ts';
import { readDocument } from './document.ts';
import type { ObjectStore } from './object-store.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** An object of the jobs bucket, pinned when the job was planned. */
export const inputObjectSchema = v.object({
  key: v.string(),
  etag: v.string(),
  versionId: v.optional(v.string()),
  sizeBytes: count,
});
export type InputObject = v.InferOutput<typeof inputObjectSchema>;

export const inputFormats = ['jsonl', 'csv', 'text', 'parquet', 'npy', 'media'] as const;
export type InputFormat = (typeof inputFormats)[number];

/** Routes of a model whose requests can be answered later. */
const requestRoutes = ['infer', 'predict'] as const;
export type RequestRoute = (typeof requestRoutes)[number];

/** Where a job's records come from. */
export const jobInputSchema = v.variant('kind', [
  v.object({ kind: v.literal('objects'), objects: v.array(inputObjectSchema) }),
  /** Every object below a prefix of the jobs bucket. */
  v.object({ kind: v.literal('prefix'), prefix: v.string() }),
  /** An object that names one key a line. */
  v.object({ kind: v.literal('list'), object: inputObjectSchema }),
  /** The failed records of another job; `route` where it was of a request that is answered later. */
  v.object({
    kind: v.literal('errors'),
    jobId: v.string(),
    route: v.optional(v.picklist(requestRoutes)),
  }),
  /** One request of a route that is answered later: a line of JSON in the results bucket. */
  v.object({
    kind: v.literal('request'),
    object: inputObjectSchema,
    route: v.optional(v.picklist(requestRoutes), 'infer'),
  }),
]);

export const outputFormats = ['jsonl', 'csv', 'parquet'] as const;
export type OutputFormat = (typeof outputFormats)[number];

export const outputOptionsSchema = v.object({
  format: v.picklist(outputFormats),
  /** One object of all parts, beside them. */
  merge: v.boolean(),
  /** Each line also holds the record that it answers. */
  joinInput: v.boolean(),
  /** Outputs of the model to keep; undefined for all, or what a request asks for. */
  names: v.optional(v.array(v.string())),
});

const pinnedFields = { model: v.string(), version: v.string(), fingerprint: v.string() };

/** A model that a pipeline calls. */
const pinnedStageSchema = v.object({
  ...pinnedFields,
  /** Version or alias by which the pipeline's steps name it; undefined for what the model's own policy picks. */
  named: v.optional(v.string()),
});
export type PinnedStage = v.InferOutput<typeof pinnedStageSchema>;

const pinnedJobModelSchema = v.object({
  ...pinnedFields,
  /** Of a pipeline: the models that it calls, each pinned as well. */
  stages: v.optional(v.array(pinnedStageSchema)),
});
export type PinnedJobModel = v.InferOutput<typeof pinnedJobModelSchema>;

/** `job.json`: what was asked, decided once. */
export const jobSchema = v.object({
  jobId: v.string(),
  createdAtMs: count,
  /** Exactly the version whose predictions the job holds, whatever its alias says later. */
  model: pinnedJobModelSchema,
  /** What asked for it: the key of the upload, or `api`. */
  source: v.string(),
  input: jobInputSchema,
  /** undefined: by the name of each object. */
  format: v.optional(v.picklist(inputFormats)),
  output: outputOptionsSchema,
  /** The job ends early when more records than this fail; undefined for no limit. */
  maxFailedRecords: v.optional(count),
  /** The same as a share of the records done, from 1,000 records on. */
  maxFailedPercent: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(100))),
  /** Bytes of input for one shard of lines. */
  shardBytes: v.pipe(count, v.minValue(1)),
  /** Records for one shard where records can be counted beforehand. */
  shardRecords: v.pipe(count, v.minValue(1)),
  /** Rows of one run; undefined until the first worker has measured. */
  rowsPerRun: v.optional(v.pipe(count, v.minValue(1))),
});
export type Job = v.InferOutput<typeof jobSchema>;

/** The route that a job's records are requests of; undefined where each may be a request or not. */
export function requestRouteOf({ input }: Job): RequestRoute | undefined {
  return input.kind === 'request' || input.kind === 'errors' ? input.route : undefined;
}

/**
 * The id of a job: the same for the same object, so that an event that comes twice plans nothing new. The words
 * are for people, the hash makes it unique.
 *
 * @param identity what makes the job this one: for an upload bucket, key, and version or entity tag
 */
export function jobIdOf(model: string, name: string, identity: readonly string[]): string {
  const stem = name.slice(name.lastIndexOf('/') + 1).replace(/\..*$/, '');
  const hash = createHash('sha256').update(identity.join('\n')).digest('hex').slice(0, 16);
  return `${jobIdWord(model)}.${jobIdWord(stem)}.${hash}`;
}

/** @throws ServingError UNAVAILABLE when there is no such job: what names one is sent after its document is written */
export async function readJob(results: ObjectStore, keys: JobKeys): Promise<Job> {
  const job = await readDocument(results, keys.job, jobSchema);
  if (job === undefined)
    throw new ServingError('UNAVAILABLE', 'the document of the job is not there');
  return job;
}
