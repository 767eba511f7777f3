import { jobKeys } from '../contract/job-keys.ts';
import { parseJobInputKey } from '../contract/keys.ts';
import { ServingError } from '../errors.ts';
import type { ModelProvider } from '../models/provider.ts';
import type { ModelReference } from '../models/reference.ts';
import { readCalibration } from './calibration.ts';
import { readControl, refuseJob, writeControl } from './control.ts';
import { decideDocument, readDocument } from './document.ts';
import { formatOf } from './formats.ts';
import { toInputObject } from './input-objects.ts';
import {
  type InputObject,
  type Job,
  jobIdOf,
  jobSchema,
  type RequestRoute,
  requestRouteOf,
} from './job.ts';
import { type JobRequest, parseJobRequest, parseJobRequestText } from './job-request.ts';
import { readPace } from './pace.ts';
import { pinModel } from './pinned-pipeline.ts';
import type { BatchContext } from './ports.ts';
import { shardSizeFor } from './shard-size.ts';

const MiB = 1024 * 1024;
/** A document that asks for a job names at most a thousand keys. */
const maximumRequestBytes = 2 * MiB;
const requestSuffix = '.job.json';

export interface SubmitContext extends BatchContext {
  readonly models: Pick<ModelProvider, 'resolve' | 'describe'>;
}

/** An object that was put into the jobs bucket. */
export interface Upload {
  readonly bucket: string;
  readonly object: InputObject;
}

/** What came of something that asked for a job. */
export type Submission =
  | { readonly outcome: 'job'; readonly jobId: string }
  /** It asks for nothing. */
  | { readonly outcome: 'ignored'; readonly reason: string }
  /** It asks for what cannot be; the job's state says so. */
  | { readonly outcome: 'refused'; readonly jobId: string; readonly error: ServingError };

/**
 * Makes a job of an upload under `in/<model>[@<version or alias>]/`, or of a `*.job.json` anywhere below `in/`.
 * The same upload gives the same job, however often it is told.
 *
 * @throws ServingError when it may succeed later
 */
export async function submitUpload(context: SubmitContext, upload: Upload): Promise<Submission> {
  const { key, etag, versionId } = upload.object;
  if (key.endsWith('/')) return { outcome: 'ignored', reason: 'a folder' };
  const parsed = parseJobInputKey(key);
  const isRequest = key.endsWith(requestSuffix);
  if (parsed === undefined && !isRequest) {
    return { outcome: 'ignored', reason: 'expected in/<model>[@<version>]/<name>' };
  }
  const model = parsed?.model ?? 'job';
  const jobId = jobIdOf(model, key, [upload.bucket, key, versionId ?? etag]);
  if (await isCreated(context, jobId)) return { outcome: 'job', jobId };
  try {
    const current = await pinUpload(context, upload.object);
    if (current === undefined) {
      return { outcome: 'ignored', reason: 'it was replaced or deleted meanwhile' };
    }
    const request = isRequest
      ? await readRequest(context, current)
      : parseJobRequest({ model, version: parsed?.version, input: { key } });
    await createJob(context, jobId, key, request, isRequest ? undefined : current);
    return { outcome: 'job', jobId };
  } catch (thrown) {
    return refuse(context, jobId, parsed?.model, thrown);
  }
}

async function isCreated({ results }: SubmitContext, jobId: string): Promise<boolean> {
  return (await results.head(jobKeys(jobId).job)) !== undefined;
}

/** Makes a job of a document. @throws ServingError INVALID_REQUEST, NOT_FOUND, ... */
export async function submitRequest(context: SubmitContext, request: JobRequest): Promise<string> {
  const words = 'key' in request.input ? request.input.key : request.model;
  const identity = request.token ?? `${context.nowMs()} ${context.newId()}`;
  const jobId = jobIdOf(request.model, words, ['api', identity]);
  await createJob(context, jobId, 'api', request, undefined);
  return jobId;
}

/** The upload with its size, as it is now; undefined when it is no longer the one that was told of. */
async function pinUpload(
  { input }: SubmitContext,
  object: InputObject,
): Promise<InputObject | undefined> {
  const head = await input.head(object.key);
  if (head === undefined) return undefined;
  const same =
    object.versionId === undefined
      ? head.etag === object.etag
      : head.versionId === object.versionId;
  // A version that is no longer the newest can still be read.
  if (same) return toInputObject(head);
  return object.versionId === undefined ? undefined : object;
}

async function readRequest({ input }: SubmitContext, object: InputObject): Promise<JobRequest> {
  if (object.sizeBytes > maximumRequestBytes) {
    throw new ServingError(
      'PAYLOAD_TOO_LARGE',
      `job: expected at most ${maximumRequestBytes} bytes, got ${object.sizeBytes}`,
    );
  }
  return parseJobRequestText(await input.read(object, 0, object.sizeBytes));
}

async function createJob(
  context: SubmitContext,
  jobId: string,
  source: string,
  request: JobRequest,
  upload: InputObject | undefined,
): Promise<Job> {
  const reference: ModelReference = { model: request.model, version: request.version };
  const model = await pinModel(context.models, reference);
  const { input, format } =
    upload === undefined
      ? await resolveInput(context, request)
      : { input: objects([upload]), format: undefined };
  if (input.kind === 'objects') {
    for (const { key } of input.objects) formatOf(key, format);
  }
  const [calibration, pace, { configuration }] = await Promise.all([
    readCalibration(context.results, model),
    readPace(context.results, model),
    context.models.describe(model.model),
  ]);
  if (input.kind === 'errors') refuseRoute(input.route, model.model, configuration.task?.type);
  const size = shardSizeFor(pace, configuration.task?.type);
  const job: Job = {
    jobId,
    createdAtMs: context.nowMs(),
    model,
    source,
    input,
    format,
    output: request.output,
    maxFailedRecords: request.maxFailedRecords,
    maxFailedPercent: request.maxFailedPercent,
    shardBytes: request.shardBytes ?? size.bytes,
    shardRecords: request.shardRecords ?? size.records,
    rowsPerRun: request.rowsPerRun ?? calibration?.rowsPerRun,
  };
  const keys = jobKeys(jobId);
  if ((await readControl(context.results, keys))?.refusedAtMs !== undefined) {
    // What was missing has come since. Written first: a job whose document is there must not look stopped.
    const control = { state: 'running', reason: 'asked for again', atMs: context.nowMs() } as const;
    await writeControl(context.results, keys, control);
  }
  return (await decideDocument(context.results, keys.job, jobSchema, job)).document;
}

/** Failed records are what the job that failed took them for. @throws ServingError NOT_FOUND */
async function errorsOf({ results }: SubmitContext, jobId: string): Promise<ResolvedInput> {
  const job = await readDocument(results, jobKeys(jobId).job, jobSchema);
  if (job === undefined) {
    throw new ServingError('NOT_FOUND', `input.errorsOf: job ${jobId} is not found`);
  }
  return { input: { kind: 'errors', jobId, route: requestRouteOf(job) }, format: job.format };
}

const objects = (pinned: readonly InputObject[]) =>
  ({ kind: 'objects', objects: [...pinned] }) satisfies Job['input'];

/** @throws ServingError INVALID_REQUEST when the model cannot take requests of that route */
function refuseRoute(
  route: RequestRoute | undefined,
  model: string,
  task: string | undefined,
): void {
  const reason =
    route === 'predict' && task === undefined
      ? 'declares no task'
      : route === 'infer' && task === 'pipeline'
        ? 'is a pipeline'
        : undefined;
  if (reason === undefined) return;
  throw new ServingError(
    'INVALID_REQUEST',
    `input.errorsOf: that job was of a request of the ${route} route, and model ${model} ${reason}`,
  );
}

type ResolvedInput = Pick<Job, 'input' | 'format'>;

async function resolveInput(context: SubmitContext, { input }: JobRequest): Promise<ResolvedInput> {
  if ('errorsOf' in input) return errorsOf(context, input.errorsOf);
  const { format } = input;
  if ('prefix' in input) return { input: { kind: 'prefix', prefix: input.prefix }, format };
  if ('list' in input) {
    return { input: { kind: 'list', object: await pinKey(context, input.list) }, format };
  }
  const keys = 'key' in input ? [input.key] : input.keys;
  return { input: objects(await Promise.all(keys.map((key) => pinKey(context, key)))), format };
}

async function pinKey({ input }: SubmitContext, key: string): Promise<InputObject> {
  const head = await input.head(key);
  if (head === undefined) {
    throw new ServingError('NOT_FOUND', `input: expected an object ${key}, got none`);
  }
  return toInputObject(head);
}

/** Writes down why there will be no job. @throws what may pass */
async function refuse(
  context: SubmitContext,
  jobId: string,
  model: string | undefined,
  thrown: unknown,
): Promise<Submission> {
  const final = thrown instanceof ServingError && !thrown.retryable && thrown.code !== 'INTERNAL';
  if (!final) throw thrown;
  // Told twice, and what the job needs went away in between: it has what it needs.
  if (await isCreated(context, jobId)) return { outcome: 'job', jobId };
  await refuseJob(context, jobId, model, thrown.message);
  return { outcome: 'refused', jobId, error: thrown };
}
