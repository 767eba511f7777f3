import { invalidRequest, ServingError } from '../../errors.ts';
import type { PipelineConfiguration, PipelineStep } from '../../models/task/pipeline.ts';
import { misconfigured } from '../binding.ts';
import { cutOut, halfTurn, quarterTurn } from '../image/warp.ts';
import type { MediaDecoders, PixelImage } from '../ports.ts';
import {
  defaultParameters,
  type PipelineDocument,
  type Point,
  type PredictContext,
  type Prediction,
  type Predictor,
  type TaskModel,
} from '../predictor.ts';
import { definePredictor } from '../stage.ts';
import { planPipeline, requestStep } from './plan.ts';

/** Larger pictures are refused before they are decoded. */
const maxPixels = 50_000_000;
/** Pixels of all crops together: regions that overlap must not multiply the picture. */
const maxCropPixels = 2 * maxPixels;

/** What the steps have made so far, by their names. */
interface Made {
  readonly pictures: Map<string, readonly PixelImage[]>;
  readonly answers: Map<string, readonly Prediction[]>;
}

/** A picture in, what a graph of other models makes of it out. */
export function createPipeline(
  configuration: PipelineConfiguration,
  model: TaskModel,
  decoders: MediaDecoders,
): Predictor {
  if (model.inputs.length > 0) {
    throw misconfigured(
      model,
      'type',
      'a task for the model itself; a pipeline has no model file',
      'pipeline',
    );
  }
  const plan = planPipeline(configuration, model);

  async function answer(image: PixelImage, context: PredictContext): Promise<Prediction> {
    const made: Made = { pictures: new Map([[requestStep, [image]]]), answers: new Map() };
    for (const step of configuration.steps) await runStep(step, made, context);
    const count = plan.itemsOf === undefined ? 1 : (made.pictures.get(plan.itemsOf)?.length ?? 0);
    return { type: 'document', document: putTogether(configuration, made, count) };
  }

  return definePredictor<PixelImage>({
    task: configuration.type,
    async prepare(input) {
      if (input.kind === 'pixels') return input.image;
      if (input.kind !== 'image') throw invalidRequest('input', 'a picture', input.kind);
      const options = { channels: 3, alpha: 'drop', maxPixels, resizeTo: undefined } as const;
      return (await decoders.images.decode(input.bytes, options)).pixels;
    },
    async execute(images, _parameters, context) {
      const predictions: Prediction[] = [];
      for (const image of images) predictions.push(await answer(image, context));
      return predictions;
    },
  });
}

async function runStep(step: PipelineStep, made: Made, context: PredictContext): Promise<void> {
  const images = made.pictures.get(step.images) ?? [];
  switch (step.operation) {
    case 'predict': {
      const inputs = images.map((image) => ({ kind: 'pixels' as const, image }));
      const answers = await context.withModel(step.model, step.version, (predictor, own) =>
        predictor.predict(inputs, defaultParameters, own),
      );
      made.answers.set(step.name, answers);
      return;
    }
    case 'crop': {
      const answers = made.answers.get(step.regions) ?? [];
      const crops: PixelImage[] = [];
      let pixels = 0;
      for (const [index, image] of images.entries()) {
        for (const corners of cornersOf(answers[index])) {
          const crop = cropUpright(image, corners, step.turnWhenTallerThan, maxCropPixels - pixels);
          pixels += crop.width * crop.height;
          crops.push(crop);
        }
      }
      made.pictures.set(step.name, crops);
      return;
    }
    case 'turn': {
      const answers = made.answers.get(step.by) ?? [];
      const turned = images.map((image, index) => {
        const best = bestLabel(answers[index]);
        return best?.label === step.label && best.score >= step.minimumScore
          ? halfTurn(image)
          : image;
      });
      made.pictures.set(step.name, turned);
      return;
    }
  }
}

type Corners = readonly [Point, Point, Point, Point];

function cornersOf(prediction: Prediction | undefined): Corners[] {
  if (prediction?.type === 'regions') return prediction.regions.map((region) => region.polygon);
  if (prediction?.type === 'detections') {
    return prediction.detections.map(({ box }) => {
      const [left, top] = [Math.floor(box.xmin), Math.floor(box.ymin)];
      const [right, bottom] = [Math.ceil(box.xmax), Math.ceil(box.ymax)];
      return [
        [left, top],
        [right, top],
        [right, bottom],
        [left, bottom],
      ];
    });
  }
  throw new ServingError(
    'MODEL_UNAVAILABLE',
    'pipeline: the model of a crop does not detect regions or objects',
  );
}

/** As get_rotate_crop_image of PaddleOCR. */
function cropUpright(
  image: PixelImage,
  corners: Corners,
  turnWhenTallerThan: number | undefined,
  pixelsLeft: number,
): PixelImage {
  const [a, b, c, d] = corners;
  const distance = (p: Point, q: Point) => Math.hypot(p[0] - q[0], p[1] - q[1]);
  const width = Math.max(1, Math.trunc(Math.max(distance(a, b), distance(c, d))));
  const height = Math.max(1, Math.trunc(Math.max(distance(a, d), distance(b, c))));
  if (width * height > pixelsLeft) {
    throw new ServingError(
      'PAYLOAD_TOO_LARGE',
      `picture: its regions are larger than ${maxCropPixels} pixels together`,
    );
  }
  const crop = cutOut(image, corners, width, height);
  const tall = turnWhenTallerThan !== undefined && height / width >= turnWhenTallerThan;
  return tall ? quarterTurn(crop) : crop;
}

function bestLabel(prediction: Prediction | undefined) {
  if (prediction?.type === 'labels') return prediction.labels[0];
  throw new ServingError(
    'MODEL_UNAVAILABLE',
    'pipeline: the model that a turn goes by does not classify',
  );
}

/** The fields that a step gives to each item. */
function fieldsOf(name: string, prediction: Prediction): Record<string, unknown>[] {
  switch (prediction.type) {
    case 'regions':
      return prediction.regions.map((region) => ({ ...region }));
    case 'detections':
      return prediction.detections.map((detection) => ({ ...detection }));
    case 'recognition':
      return [{ ...prediction.recognition }];
    case 'labels':
      return [{ [name]: prediction.labels[0] }];
    case 'embedding':
      return [{ [name]: Array.from(prediction.values) }];
    default:
      throw new ServingError(
        'MODEL_UNAVAILABLE',
        `pipeline: step ${name} gives no fields for items`,
      );
  }
}

function putTogether(
  { output }: PipelineConfiguration,
  made: Made,
  count: number,
): PipelineDocument {
  const fields = output.items.map((name) =>
    (made.answers.get(name) ?? []).flatMap((answer) => fieldsOf(name, answer)),
  );
  const items = Array.from({ length: count }, (_, index) =>
    Object.fromEntries(fields.flatMap((list) => Object.entries(list[index] ?? {}))),
  ).filter((item) => typeof item['score'] !== 'number' || item['score'] >= output.minimumScore);
  if (!output.text) return { items };
  return { text: items.map((item) => String(item['text'] ?? '')).join('\n'), items };
}
