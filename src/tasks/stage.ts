import { ServingError, toServingError } from '../errors.ts';
import type { TaskType } from '../models/task-configuration.ts';
import type {
  PredictContext,
  PredictInput,
  PredictInputKind,
  Prediction,
  Predictor,
  PredictParameters,
  Settled,
} from './predictor.ts';

/** A task in its two halves: what can be done for one input ahead of the run, and the run with what follows. */
export interface Stage<Prepared> {
  readonly task: TaskType;
  readonly accepts: PredictInputKind;
  /** Decodes and preprocesses one input; @throws ServingError 4xx when it is bad. */
  prepare(input: PredictInput): Promise<Prepared> | Prepared;
  /** Runs at most `maxBatchSize` prepared inputs; one prediction each, in order. */
  execute(
    prepared: readonly Prepared[],
    parameters: PredictParameters,
    context: PredictContext,
  ): Promise<Prediction[]>;
}

type Attempt<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: unknown };

async function attempt<Value>(work: () => Promise<Value> | Value): Promise<Attempt<Value>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error };
  }
}

/** Inputs prepared at the same time: as many as libuv has threads, so that memory stays bounded by a few pictures. */
const preparedAtOnce = 4;

/**
 * Inputs of one run. Media go in groups that can be decoded at once: the next group is decoded by other threads while
 * the run of the last one blocks this one, which gains more than a larger run would (convolutional networks are at their
 * best with about four pictures).
 */
function groupSize(accepts: PredictInputKind, maxBatchSize: number): number {
  const isMedia = accepts === 'image' || accepts === 'audio';
  return isMedia ? Math.min(maxBatchSize, preparedAtOnce) : maxBatchSize;
}

async function prepareAll<Prepared>(
  stage: Stage<Prepared>,
  inputs: readonly PredictInput[],
): Promise<Attempt<Prepared>[]> {
  const attempts: Attempt<Prepared>[] = [];
  const queue = inputs.entries();
  const worker = async () => {
    for (const [index, input] of queue) {
      attempts[index] = await attempt(() => stage.prepare(input));
    }
  };
  await Promise.all(Array.from({ length: Math.min(preparedAtOnce, inputs.length) }, worker));
  return attempts;
}

/** Runs what was prepared; when the model refuses the whole, each alone, so that one bad input costs itself. */
async function executeAll<Prepared>(
  stage: Stage<Prepared>,
  prepared: readonly Prepared[],
  parameters: PredictParameters,
  context: PredictContext,
): Promise<Attempt<Prediction>[]> {
  if (prepared.length === 0) return [];
  const together = await attempt(() => stage.execute(prepared, parameters, context));
  if (together.ok) return together.value.map((value) => ({ ok: true, value }));
  if (prepared.length === 1 || toServingError(together.error).statusCode >= 500) {
    return prepared.map(() => together);
  }
  const alone: Attempt<Prediction>[] = [];
  for (const one of prepared) alone.push(...(await executeAll(stage, [one], parameters, context)));
  return alone;
}

/** Completes a task to a predictor: checks kinds, forms micro-batches, prepares the next one while the last one runs. */
export function definePredictor<Prepared>(stage: Stage<Prepared>): Predictor {
  const checked: Stage<Prepared> = {
    ...stage,
    prepare(input) {
      const fits =
        input.kind === stage.accepts || (stage.accepts === 'image' && input.kind === 'pixels');
      if (fits) return stage.prepare(input);
      throw new ServingError(
        'INVALID_REQUEST',
        `expected ${describe(stage.accepts)} for ${stage.task}, got ${describe(input.kind)}`,
      );
    },
  };

  async function predictEach(
    inputs: readonly PredictInput[],
    parameters: PredictParameters,
    context: PredictContext,
  ): Promise<Settled[]> {
    const size = groupSize(stage.accepts, context.maxBatchSize);
    const settled: Settled[] = [];
    let upcoming = prepareAll(checked, inputs.slice(0, size));
    for (let start = 0; start < inputs.length; start += size) {
      const attempts = await upcoming;
      upcoming = prepareAll(checked, inputs.slice(start + size, start + 2 * size));
      const prepared = attempts.flatMap((made) => (made.ok ? [made.value] : []));
      const predictions = (await executeAll(checked, prepared, parameters, context)).values();
      for (const made of attempts) {
        const outcome = made.ok ? (predictions.next().value ?? missing) : made;
        settled.push(outcome.ok ? { ok: true, prediction: outcome.value } : outcome);
      }
    }
    return settled;
  }

  return {
    task: stage.task,
    accepts: stage.accepts,
    predictEach,
    async predict(inputs, parameters, context) {
      const settled = await predictEach(inputs, parameters, context);
      return settled.map((one, index) => {
        if (one.ok) return one.prediction;
        throw inputs.length === 1 ? one.error : named(index, one.error);
      });
    },
  };
}

const missing: Attempt<Prediction> = {
  ok: false,
  error: new ServingError('INTERNAL', 'the task gave fewer answers than it had inputs'),
};

function named(index: number, error: unknown): ServingError {
  const known = toServingError(error);
  return new ServingError(known.code, `inputs[${index}]: ${known.message}`, {
    cause: known.cause,
    retryable: known.retryable,
  });
}

function describe(kind: PredictInputKind): string {
  const words = {
    image: 'a picture',
    pixels: 'a picture',
    audio: 'sound',
    text: 'text',
    row: 'a row',
    tensors: 'tensors',
  } as const satisfies Record<PredictInputKind, string>;
  return words[kind];
}
