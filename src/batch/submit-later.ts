import { jobKeys, laterJobWord } from '../contract/job-keys.ts';
import { ServingError } from '../errors.ts';
import type { ModelReference, PinnedModel } from '../models/reference.ts';
import { encodeDocument } from './document.ts';
import { toInputObject } from './input-objects.ts';
import { type Job, jobIdOf, type RequestRoute } from './job.ts';
import { pinModel } from './pinned-pipeline.ts';
import { shardSizeFor } from './shard-size.ts';
import type { SubmitContext } from './submit.ts';

/** A request that is answered later. */
export interface LaterRequest {
  readonly route: RequestRoute;
  /** The request as JSON. */
  readonly text: string;
}

/**
 * Makes a job of one request that is answered later.
 *
 * @throws ServingError NOT_FOUND when there is no such model or version; a pipeline takes no requests of the infer route
 */
export async function submitLaterRequest(
  context: SubmitContext,
  reference: ModelReference,
  { route, text }: LaterRequest,
): Promise<string> {
  const { results } = context;
  const model =
    route === 'infer'
      ? pinOf(await context.models.resolve(reference))
      : await pinModel(context.models, reference);
  const jobId = jobIdOf(model.model, laterJobWord, ['request', context.newId()]);
  const keys = jobKeys(jobId);
  // A line end in JSON is white space wherever it may stand.
  await results.put(keys.request, `${text.replaceAll(/[\r\n]+/g, ' ')}\n`);
  const object = await results.head(keys.request);
  if (object === undefined) throw new ServingError('UNAVAILABLE', 'the request could not be kept');
  const size = shardSizeFor(undefined);
  await results.put(
    keys.job,
    encodeDocument({
      jobId,
      createdAtMs: context.nowMs(),
      model,
      source: 'request',
      input: { kind: 'request', object: toInputObject(object), route },
      output: { format: 'jsonl', merge: false, joinInput: false },
      shardBytes: size.bytes,
      shardRecords: size.records,
      rowsPerRun: 1,
    } satisfies Job),
    { contentType: 'application/json' },
  );
  return jobId;
}

function pinOf({ model, version, fingerprint }: PinnedModel): PinnedModel {
  return { model, version, fingerprint };
}
