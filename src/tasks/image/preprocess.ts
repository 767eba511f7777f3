import { invalidRequest } from '../../errors.ts';
import type { ImageConfiguration } from '../../models/task/image.ts';
import type { Tensor, TensorMetadata } from '../../protocol/tensor.ts';
import { misconfigured, requireDatatype, requireDimension, requireRank } from '../binding.ts';
import type { MediaDecoders, PreparedImage } from '../ports.ts';
import type { PredictInput, TaskModel } from '../predictor.ts';
import { fromFloats } from '../tensors.ts';
import { channelCount } from './normalise.ts';
import { createPicturePreparation } from './prepare.ts';
import { readPreprocessorConfiguration } from './preprocessor-config.ts';

/** From pictures to one input of a model. */
export interface ImagePreprocessor {
  prepare(input: PredictInput): Promise<PreparedImage>;
  /** As `prepare`, in another thread; undefined while there is none. */
  prepareElsewhere(input: PredictInput): Promise<PreparedImage> | undefined;
  /** One tensor of pictures of equal size. */
  stack(images: readonly PreparedImage[]): Tensor;
}

/**
 * @throws ServingError MODEL_UNAVAILABLE when the configuration does not fit the input
 */
export async function createImagePreprocessor(
  model: TaskModel,
  configured: ImageConfiguration | undefined,
  input: TensorMetadata,
  { images, pictureThread }: Pick<MediaDecoders, 'images' | 'pictureThread'>,
): Promise<ImagePreprocessor> {
  const configuration = configured ?? (await readPreprocessorConfiguration(model));
  if (configuration === undefined) {
    throw misconfigured(model, 'image', 'the section, or a preprocessor_config.json', 'neither');
  }
  checkFits(model, configuration, input);
  const preparePicture = createPicturePreparation(configuration, images);
  const channels = channelCount(configuration);

  return {
    async prepare(source) {
      if (source.kind === 'image' || source.kind === 'pixels') return preparePicture(source);
      throw invalidRequest('input', 'a picture', source.kind);
    },
    prepareElsewhere(source) {
      if (source.kind !== 'image') return undefined;
      return pictureThread.prepare(source.bytes, configuration);
    },
    stack(prepared) {
      const [first] = prepared;
      const width = first?.geometry.tensorWidth ?? 0;
      const height = first?.geometry.tensorHeight ?? 0;
      const size =
        configuration.layout === 'nchw'
          ? [channels, height, width]
          : ([height, width, channels] as const);
      const shape = [prepared.length, ...size];
      return fromFloats(input.name, input.datatype, shape, concatenate(prepared));
    },
  };
}

function concatenate(prepared: readonly PreparedImage[]): Float32Array {
  const [first] = prepared;
  if (first !== undefined && prepared.length === 1) return first.values;
  const size = first?.values.length ?? 0;
  const joined = new Float32Array(size * prepared.length);
  for (const [index, image] of prepared.entries()) joined.set(image.values, index * size);
  return joined;
}

function checkFits(
  model: TaskModel,
  configuration: ImageConfiguration,
  input: TensorMetadata,
): void {
  const { layout, interpolation, antialias, resize, centerCrop, mean, std } = configuration;
  requireDatatype(model, 'input', input, ['FP32', 'FP16', 'FP64', 'UINT8', 'INT8']);
  const names =
    layout === 'nchw'
      ? ['rows', 'channels', 'height', 'width']
      : ['rows', 'height', 'width', 'channels'];
  requireRank(model, 'input', input, [names]);
  const channels = channelCount(configuration);
  requireDimension(model, 'image.colour', input, layout === 'nchw' ? 1 : 3, channels);
  for (const [field, values] of [
    ['mean', mean],
    ['std', std],
  ] as const) {
    if (typeof values !== 'number' && values.length !== channels && values.length !== 1) {
      throw misconfigured(model, `image.${field}`, `${channels} values`, `${values.length}`);
    }
  }
  if (!antialias && interpolation !== 'bilinear' && interpolation !== 'nearest') {
    throw misconfigured(
      model,
      'image.interpolation',
      'bilinear or nearest without antialias',
      interpolation,
    );
  }
  const libvips = antialias && interpolation !== 'box' && configuration.sampling === 'centers';
  if (configuration.resizer === 'fast' && !libvips) {
    throw misconfigured(
      model,
      'image.resizer',
      'exact without antialias, with box and for sampling by corners',
      'fast',
    );
  }
  if (configuration.sampling === 'corners') {
    const sampled = interpolation === 'bilinear' && !antialias && centerCrop === undefined;
    if (!sampled || (resize?.mode !== 'exact' && resize?.mode !== 'contain')) {
      throw misconfigured(
        model,
        'image.sampling',
        'centers, or bilinear without antialias and crop, to exact or contain',
        'corners',
      );
    }
  }
  const heightAxis = layout === 'nchw' ? 2 : 1;
  const fixed =
    centerCrop ??
    (resize?.mode === 'exact' || resize?.mode === 'contain' ? resize : undefined) ??
    (resize?.mode === 'height' ? { height: resize.height } : undefined);
  if (fixed !== undefined) {
    requireDimension(model, 'image.resize.height', input, heightAxis, fixed.height);
    if ('width' in fixed) {
      requireDimension(model, 'image.resize.width', input, heightAxis + 1, fixed.width);
    }
  }
  const free = (axis: number) => (input.shape[axis] ?? -1) < 0;
  const widthDetermined = fixed !== undefined && 'width' in fixed;
  if ((fixed === undefined && !free(heightAxis)) || (!widthDetermined && !free(heightAxis + 1))) {
    throw misconfigured(
      model,
      'image.resize',
      `a mode that gives the size of ${input.name} [${input.shape.join(', ')}]`,
      resize?.mode ?? 'none',
    );
  }
}
