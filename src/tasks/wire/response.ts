import { ServingError } from '../../errors.ts';
import type { TaskType } from '../../models/task-configuration.ts';
import { quote } from '../../protocol/fields.ts';
import { negotiateMediaType, parseMediaType } from '../../protocol/formats/media-type.ts';
import { toNestedJson } from '../../protocol/formats/nested-text.ts';
import { formatNpy } from '../../protocol/formats/npy.ts';
import type { ImageDecoder } from '../ports.ts';
import type { PredictInput, Prediction } from '../predictor.ts';
import { drawMask, drawOverlay } from './pictures.ts';

/** Who answers. */
export interface AnswerSource {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly task: TaskType;
}

export interface PredictAnswer {
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

export type AnswerFormat = 'json' | 'npy' | 'mask' | 'overlay';

const json = 'application/json';
const png = 'image/png';
const npy = 'application/x-npy';

const embedding: ReadonlySet<TaskType> = new Set([
  'feature-extraction',
  'image-feature-extraction',
]);

/**
 * What to answer with: JSON; for segmentation also `image/png` (the mask, or with `image/png; view=overlay` the picture with
 * the segments tinted); for features also `application/x-npy`.
 *
 * @throws ServingError NOT_ACCEPTABLE that lists what the task can answer
 */
export function negotiateAnswer(accept: string | undefined, task: TaskType): AnswerFormat {
  const also = task === 'image-segmentation' ? [png] : embedding.has(task) ? [npy] : [];
  const chosen = negotiateMediaType(accept, [json, ...also]);
  if (chosen === json) return 'json';
  if (chosen === npy) return 'npy';
  const ranges = (accept ?? '').split(',').map(parseMediaType);
  const view = ranges.find((range) => range.name === png)?.parameters.get('view') ?? 'mask';
  if (view === 'mask' || view === 'overlay') return view;
  throw new ServingError(
    'NOT_ACCEPTABLE',
    `Accept: expected view mask or overlay, got ${quote(view)}`,
  );
}

/**
 * Encodes predictions, one for each input.
 *
 * @param inputs that they are the answer to; an overlay is drawn on its picture
 * @throws ServingError NOT_ACCEPTABLE when a picture is asked for several inputs
 */
export async function encodeAnswer(
  source: AnswerSource,
  inputs: readonly PredictInput[],
  predictions: readonly Prediction[],
  format: AnswerFormat,
  images: ImageDecoder,
): Promise<PredictAnswer> {
  if (format === 'npy') return { contentType: npy, body: toNpy(predictions) };
  if (format === 'json') {
    const texts = await Promise.all(predictions.map((one) => predictionJson(one, images)));
    const head = JSON.stringify({
      model_name: source.modelName,
      model_version: source.modelVersion,
      task: source.task,
    });
    return {
      contentType: json,
      body: `${head.slice(0, -1)},"predictions":[${texts.join(',')}]}`,
    };
  }
  const [prediction, ...others] = predictions;
  const [input] = inputs;
  if (prediction?.type !== 'segments' || input === undefined || others.length > 0) {
    throw new ServingError('NOT_ACCEPTABLE', `Accept: ${png} answers one picture, got several`);
  }
  const picture =
    format === 'mask'
      ? drawMask(prediction.segments)
      : await drawOverlay(input, prediction.segments, images);
  return { contentType: png, body: await images.encodePng(picture) };
}

/** One prediction as JSON: what a line of a transform job's output holds too. */
export async function predictionJson(
  prediction: Prediction,
  images: ImageDecoder,
): Promise<string> {
  switch (prediction.type) {
    case 'labels':
      return JSON.stringify(prediction.labels);
    case 'detections':
      return JSON.stringify(prediction.detections);
    case 'regions':
      return JSON.stringify(prediction.regions);
    case 'recognition':
      return JSON.stringify(prediction.recognition);
    case 'entities':
      return JSON.stringify(prediction.entities);
    case 'voice-activity':
      return JSON.stringify(prediction.activity);
    case 'document':
      return JSON.stringify(prediction.document);
    case 'values':
      return jsonNumbers(prediction.values);
    case 'embedding': {
      const { values, shape } = prediction;
      return toNestedJson({ name: 'embedding', datatype: 'FP32', shape, data: values });
    }
    case 'tensors': {
      const fields = prediction.tensors.map(
        (tensor) => `${JSON.stringify(tensor.name)}:${toNestedJson(tensor)}`,
      );
      return `{${fields.join(',')}}`;
    }
    case 'segments': {
      const segments = await Promise.all(
        prediction.segments.map(async ({ label, score, mask }) => ({
          label,
          score,
          mask: Buffer.from(await images.encodePng(mask)).toString('base64'),
        })),
      );
      return JSON.stringify(segments);
    }
  }
}

/** JSON has no word for what is not a number: an error is better than a null that looks like an answer. */
function jsonNumbers(values: Readonly<Record<string, number>> | number): string {
  const all = typeof values === 'number' ? [values] : Object.values(values);
  if (all.every(Number.isFinite)) return JSON.stringify(values);
  throw new ServingError('INVALID_REQUEST', 'the model answers this row with no finite number');
}

/** Embeddings of equal shape as one array [inputs, ...]. */
function toNpy(predictions: readonly Prediction[]): Uint8Array {
  const vectors = predictions.flatMap((one) => (one.type === 'embedding' ? [one] : []));
  const [first] = vectors;
  if (first === undefined || vectors.some((one) => one.values.length !== first.values.length)) {
    throw new ServingError('NOT_ACCEPTABLE', `Accept: ${npy} needs features of equal shape`);
  }
  const data = new Float32Array(first.values.length * vectors.length);
  for (const [index, one] of vectors.entries()) data.set(one.values, index * one.values.length);
  return formatNpy({ datatype: 'FP32', shape: [vectors.length, ...first.shape], data });
}
