import type { TaskOf } from '../../models/task-configuration.ts';
import { misconfigured } from '../binding.ts';
import type { MediaDecoders } from '../ports.ts';
import type { Predictor, TaskModel } from '../predictor.ts';
import { outputNamed, rowsOf } from '../tensors.ts';
import { normaliseLength } from '../vectors.ts';
import { bindPicture, createPicturePredictor } from './picture-predictor.ts';

/** A picture in, the model's features of it out. */
export async function createImageFeatureExtractor(
  configuration: TaskOf<'image-feature-extraction'>,
  model: TaskModel,
  decoders: MediaDecoders,
): Promise<Predictor> {
  const { input, output } = bindPicture(model, configuration);
  const { pooling } = configuration;
  if (pooling !== 'none' && output.shape.length !== 3) {
    throw misconfigured(
      model,
      'pooling',
      `none for ${output.name} of shape [${output.shape.join(', ')}]`,
      pooling,
    );
  }

  return createPicturePredictor(configuration, model, decoders, {
    input,
    outputs: [output.name],
    answer(outputs, pictures) {
      const tensor = outputNamed(outputs, output.name);
      const size = tensor.shape.at(-1) ?? 1;
      return rowsOf(tensor, pictures.length).map((row) => {
        const values = pool(row, size, pooling);
        if (configuration.normalise) {
          for (let start = 0; start < values.length; start += size) {
            normaliseLength(values.subarray(start, start + size));
          }
        }
        const shape = pooling === 'none' ? tensor.shape.slice(1) : [size];
        return { type: 'embedding', values, shape };
      });
    },
  });
}

/** One vector from [patches, size]. */
function pool(row: Float32Array, size: number, pooling: 'none' | 'cls' | 'mean'): Float32Array {
  if (pooling === 'none') return row;
  if (pooling === 'cls') return row.slice(0, size);
  const mean = new Float32Array(size);
  const patches = row.length / size;
  for (let i = 0; i < row.length; i += 1) {
    mean[i % size] = (mean[i % size] ?? 0) + (row[i] ?? 0) / patches;
  }
  return mean;
}
