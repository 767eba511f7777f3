import { type JobKeys, jobKeys } from '../contract/job-keys.ts';
import { ServingError, toServingError } from '../errors.ts';
import { failJob, readStop } from './control.ts';
import { type Decision, readDecision } from './decision.ts';
import { writeFailedShard } from './failed-shards.ts';
import { settle } from './finish.ts';
import { AttemptNotes, type Findings, noFindings, readFindings } from './investigation.ts';
import { type Job, readJob } from './job.ts';
import { markTroubled } from './job-marks.ts';
import { acquireJobModel } from './job-model.ts';
import type { TransformContext } from './ports.ts';
import type { ShardDelivery, ShardMessage } from './shard.ts';
import { ShardAttempt } from './shard-attempt.ts';

/** Each is a success: the message can be deleted. */
export type ShardOutcome = 'done' | 'continued' | 'stopped';

/** Deliveries after which a message that meets deaths goes on as a new one, so that it is not given up early. */
const renewAtReceiveCount = 3;
/** Deaths that one shard may cost: beyond this it is given up, and waits in the dead-letter queue. */
const maximumDeaths = 100;
/** Poison records of one shard beyond which it is the model that is broken. */
const maximumPoison = 16;

/**
 * Works on one shard until it is decided and published, or its rest is handed over.
 *
 * @throws ServingError when this delivery failed and another may succeed
 */
export async function transformShard(
  context: TransformContext,
  delivery: ShardDelivery,
): Promise<ShardOutcome> {
  if (delivery.receiveCount < context.maxReceiveCount) return workOn(context, delivery);
  // Written first: the process may not live to write it. A shard that is done in spite of it counts as done.
  const { message } = delivery;
  await writeFailedShard(context, message, 'its process ended', false);
  try {
    const { results } = context;
    await markTroubled(results, await readJob(results, jobKeys(message.jobId)));
    return await workOn(context, delivery);
  } catch (thrown) {
    await writeFailedShard(context, message, toServingError(thrown).message, true);
    throw thrown;
  }
}

async function workOn(context: TransformContext, delivery: ShardDelivery): Promise<ShardOutcome> {
  const { results } = context;
  const { message } = delivery;
  const keys = jobKeys(message.jobId);
  const job = await readJob(results, keys);
  const decided = await readDecision(results, keys, job, message);
  if (decided !== undefined) return finish(context, keys, job, message, decided);
  if ((await readStop(results, keys)) !== undefined) return 'stopped';

  const repeated = delivery.receiveCount > 1 || message.continued > 0;
  const findings = repeated ? await readFindings(results, keys, message) : noFindings;
  const fault = modelFault(findings);
  if (fault !== undefined) return stop(context, job, fault);
  if (findings.deaths > 0 && delivery.receiveCount >= renewAtReceiveCount) {
    if (findings.deaths <= maximumDeaths) {
      await context.shards.send([{ ...message, continued: message.continued + 1 }]);
      return 'continued';
    }
  }

  const attemptId = context.newId();
  const notes = new AttemptNotes(results, keys, message, attemptId, findings);
  let foreseen = true;
  try {
    if (repeated) await notes.loading();
    const model = await acquireJobModel(context, job);
    try {
      if (repeated) await notes.loaded();
      const attempt = new ShardAttempt({
        context,
        keys,
        job,
        delivery,
        findings,
        model,
        attemptId,
        notes: repeated ? notes : undefined,
      });
      const decision = await attempt.run();
      if (typeof decision === 'string') return decision;
      if (decision.attempt === attemptId) {
        const { records, failed } = decision.figures;
        context.meters.shardDecided(records, failed);
      }
      return await finish(context, keys, job, message, decision);
    } finally {
      model.lease.release();
    }
  } catch (thrown) {
    // What no further delivery can change is told once, for the whole job.
    if (isFinal(thrown)) return await stop(context, job, thrown.message);
    // A failure that nobody foresaw is told apart record by record, as a death is: its note stays.
    foreseen = toServingError(thrown).retryable;
    throw thrown;
  } finally {
    // Best effort: a note that stays makes the next attempt careful, no more.
    if (foreseen) await notes.ended().catch(() => undefined);
  }
}

/** Whether the model or the input is not what the job was planned with, and never will be again. */
function isFinal(thrown: unknown): thrown is ServingError {
  return (
    thrown instanceof ServingError &&
    (thrown.code === 'NOT_FOUND' ||
      thrown.code === 'MODEL_UNAVAILABLE' ||
      thrown.code === 'CONFLICT')
  );
}

async function finish(
  context: TransformContext,
  keys: JobKeys,
  job: Job,
  message: ShardMessage,
  decision: Decision,
): Promise<ShardOutcome> {
  await settle(context, keys, job, message, decision);
  return 'done';
}

/** What the deaths say of the model as a whole; undefined when it is single records, or nothing. */
function modelFault({ cannotLoad, deaths, poison }: Findings): string | undefined {
  if (cannotLoad) return `the process ended each of ${deaths} times while it loaded the model`;
  if (poison.size > maximumPoison) {
    return `more than ${maximumPoison} records of one shard each ended the process: the model is broken`;
  }
  return undefined;
}

async function stop(context: TransformContext, job: Job, reason: string): Promise<ShardOutcome> {
  await failJob(context, job, reason);
  return 'stopped';
}
