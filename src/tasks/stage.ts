import { ServingError, toServingError } from '../errors.ts';
import type { TaskType } from '../models/task-configuration.ts';
import { inputKindOf } from './input-kind.ts';
import type {
  PredictContext,
  PredictInput,
  PredictInputKind,
  Prediction,
  Predictor,
  PredictParameters,
  Settled,
} from './predictor.ts';
import { type Attempt, attempt, Preparation, type Preparing } from './preparation.ts';

/** A task in its two halves: what can be done for one input ahead of the run, and the run with what follows. */
export interface Stage<Prepared> extends Preparing<Prepared> {
  readonly task: TaskType;
  /** Runs at most `maxBatchSize` prepared inputs; one prediction each, in order. */
  execute(
    prepared: readonly Prepared[],
    parameters: PredictParameters,
    context: PredictContext,
  ): Promise<Prediction[]>;
}

/**
 * Inputs of one run, and how many of them a run waits for. Media run as soon as one is decoded and what follows is decoded
 * beside the run, at most four together: convolutional networks are at their best with few pictures. The rest is prepared
 * in no time, and gains by full runs.
 */
function runSize(
  accepts: PredictInputKind,
  maxBatchSize: number,
): { readonly least: number; readonly most: number } {
  const isMedia = accepts === 'image' || accepts === 'audio';
  return isMedia
    ? { least: 1, most: Math.min(maxBatchSize, 4) }
    : { least: maxBatchSize, most: maxBatchSize };
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
  const { prepareElsewhere } = stage;
  const accepts = inputKindOf(stage.task);
  const fits = (input: PredictInput) =>
    input.kind === accepts || (accepts === 'image' && input.kind === 'pixels');
  const checked: Preparing<Prepared> = {
    prepare(input) {
      if (fits(input)) return stage.prepare(input);
      throw new ServingError(
        'INVALID_REQUEST',
        `expected ${describe(accepts)} for ${stage.task}, got ${describe(input.kind)}`,
      );
    },
    ...(prepareElsewhere && {
      prepareElsewhere: (input) => (fits(input) ? prepareElsewhere(input) : undefined),
    }),
  };

  async function predictEach(
    inputs: readonly PredictInput[],
    parameters: PredictParameters,
    context: PredictContext,
  ): Promise<Settled[]> {
    const { least, most } = runSize(accepts, context.maxBatchSize);
    const settled: Settled[] = [];
    // One input alone has nothing that it could be prepared beside.
    const preparing = inputs.length > 1 ? checked : { prepare: checked.prepare };
    const preparation = new Preparation(preparing, inputs, 2 * most);
    for (;;) {
      const taken = await preparation.take(least, most);
      if (taken.length === 0) return settled;
      const prepared = taken.flatMap(({ outcome }) => (outcome.ok ? [outcome.value] : []));
      const predictions = (await executeAll(stage, prepared, parameters, context)).values();
      for (const { index, outcome: made } of taken) {
        const outcome = made.ok ? (predictions.next().value ?? missing) : made;
        settled[index] = outcome.ok ? { ok: true, prediction: outcome.value } : outcome;
      }
    }
  }

  return {
    task: stage.task,
    accepts,
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
    cause: known,
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
