import type { ImageConfiguration } from '../../models/task/image.ts';
import type { TaskType } from '../../models/task-configuration.ts';
import type { Tensor, TensorMetadata } from '../../protocol/tensor.ts';
import { largestBatch, pickInput, pickOutput, requireAllFed, requireDatatype } from '../binding.ts';
import type { MediaDecoders, PreparedImage } from '../ports.ts';
import type { Prediction, Predictor, PredictParameters, TaskModel } from '../predictor.ts';
import { definePredictor } from '../stage.ts';
import { realDatatypes } from '../tensors.ts';
import { createImagePreprocessor } from './preprocess.ts';

/** The picture that a model takes and the one output of real numbers that is read. */
export function bindPicture(
  model: TaskModel,
  configuration: { readonly input?: string | undefined; readonly output?: string | undefined },
): { readonly input: TensorMetadata; readonly output: TensorMetadata } {
  const input = pickInput(model, 'input', configuration.input);
  const output = pickOutput(model, 'output', configuration.output);
  requireAllFed(model, [input.name]);
  requireDatatype(model, 'output', output, realDatatypes);
  return { input, output };
}

/** What a task makes of the run of pictures that have the same size as tensors. */
export interface PictureAnswers {
  readonly input: TensorMetadata;
  /** Names of the outputs that it reads. */
  readonly outputs: readonly string[];
  /** One prediction for each picture. */
  answer(
    outputs: readonly Tensor[],
    pictures: readonly PreparedImage[],
    parameters: PredictParameters,
  ): Prediction[];
}

/** Completes a task over one picture to a predictor. */
export async function createPicturePredictor(
  configuration: { readonly type: TaskType; readonly image?: ImageConfiguration | undefined },
  model: TaskModel,
  decoders: MediaDecoders,
  { input, outputs, answer }: PictureAnswers,
): Promise<Predictor> {
  const images = await createImagePreprocessor(model, configuration.image, input, decoders);
  const limit = largestBatch(model, 'input', input);
  return definePredictor<PreparedImage>({
    task: configuration.type,
    prepare: images.prepare,
    prepareElsewhere: images.prepareElsewhere,
    async execute(prepared, parameters, context) {
      const predictions: Prediction[] = [];
      for (const group of groupsOfOneSize(prepared, limit)) {
        const pictures = group.map(({ picture }) => picture);
        const results = await context.run([images.stack(pictures)], outputs);
        const answers = answer(results, pictures, parameters).values();
        for (const { place } of group) {
          const { value } = answers.next();
          if (value !== undefined) predictions[place] = value;
        }
      }
      return predictions;
    },
  });
}

interface PlacedPicture {
  readonly place: number;
  readonly picture: PreparedImage;
}

/** Pictures that can run together: of the same size, at most `limit`. */
function groupsOfOneSize(pictures: readonly PreparedImage[], limit: number): PlacedPicture[][] {
  const groups: PlacedPicture[][] = [];
  const open = new Map<string, PlacedPicture[]>();
  for (const [place, picture] of pictures.entries()) {
    const size = `${picture.geometry.tensorWidth}x${picture.geometry.tensorHeight}`;
    let group = open.get(size);
    if (group === undefined || group.length >= limit) {
      group = [];
      open.set(size, group);
      groups.push(group);
    }
    group.push({ place, picture });
  }
  return groups;
}
