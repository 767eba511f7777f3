import { invalidRequest } from '../../errors.ts';
import type { ImageConfiguration } from '../../models/task/image.ts';
import type { Tensor, TensorMetadata } from '../../protocol/tensor.ts';
import { misconfigured, requireDatatype, requireDimension, requireRank } from '../binding.ts';
import type { DecodedImage, ImageDecoder, PixelImage } from '../ports.ts';
import type { PredictInput, TaskModel } from '../predictor.ts';
import { fromFloats } from '../tensors.ts';
import { type Geometry, planGeometry } from './geometry.ts';
import { channelCount, normalisationTables, toTensor } from './normalise.ts';
import { readPreprocessorConfiguration } from './preprocessor-config.ts';
import { resampleOpenCv } from './resample-opencv.ts';
import { resampleNearest, resamplePillow, type Window } from './resample-pillow.ts';
import { sampleByCorners } from './sample-corners.ts';

/** A picture as the model takes it, without the dimension of the micro-batch. */
export interface PreparedImage {
  /** [channels, height, width] or [height, width, channels]. */
  readonly values: Float32Array;
  readonly geometry: Geometry;
}

export interface ImagePreprocessor {
  readonly configuration: ImageConfiguration;
  prepare(input: PredictInput): Promise<PreparedImage>;
  /** One tensor of pictures of equal size. */
  stack(images: readonly PreparedImage[]): Tensor;
}

/** Resizes as the configuration says, and keeps the part that the tensor has room for. */
function resample(
  image: PixelImage,
  geometry: Geometry,
  { interpolation, antialias }: ImageConfiguration,
): PixelImage {
  const { width, height } = geometry;
  const window = visibleWindow(geometry);
  if (width === image.width && height === image.height) return cut(image, window);
  if (interpolation === 'nearest') return cut(resampleNearest(image, width, height), window);
  if (!antialias) return cut(resampleOpenCv(image, width, height), window);
  return resamplePillow(image, width, height, interpolation, window);
}

/** The part of the resized picture that is inside the tensor. */
function visibleWindow(geometry: Geometry): Window {
  const { width, height, tensorWidth, tensorHeight } = geometry;
  const left = Math.max(0, -geometry.left);
  const top = Math.max(0, -geometry.top);
  return {
    left,
    top,
    width: Math.min(width, tensorWidth - geometry.left) - left,
    height: Math.min(height, tensorHeight - geometry.top) - top,
  };
}

function cut(image: PixelImage, { left, top, width, height }: Window): PixelImage {
  if (width === image.width && height === image.height) return image;
  const { channels } = image;
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y += 1) {
    const from = ((y + top) * image.width + left) * channels;
    data.set(image.data.subarray(from, from + width * channels), y * width * channels);
  }
  return { width, height, channels, data };
}

/**
 * @param field of the task's configuration that names the input
 * @throws ServingError MODEL_UNAVAILABLE when the configuration does not fit the input
 */
export async function createImagePreprocessor(
  model: TaskModel,
  configured: ImageConfiguration | undefined,
  input: TensorMetadata,
  images: ImageDecoder,
): Promise<ImagePreprocessor> {
  const configuration = configured ?? (await readPreprocessorConfiguration(model));
  if (configuration === undefined) {
    throw misconfigured(model, 'image', 'the section, or a preprocessor_config.json', 'neither');
  }
  checkFits(model, configuration, input);
  const tables = normalisationTables(configuration);
  const { resize, layout } = configuration;
  const channels = channelCount(configuration);
  const fill = resize?.mode === 'contain' ? resize.fill : undefined;

  return {
    configuration,
    async prepare(source) {
      const decoded = await decode(images, source, configuration);
      const geometry = planGeometry(decoded.width, decoded.height, configuration);
      checkSize(geometry);
      if (configuration.sampling === 'corners') {
        const pixels = sampleByCorners(decoded.pixels, geometry, fill ?? 0);
        const filled = { ...geometry, left: 0, top: 0 };
        return { values: toTensor(pixels, filled, configuration, tables, fill), geometry };
      }
      const pixels = resample(decoded.pixels, geometry, configuration);
      const placed = {
        ...geometry,
        left: Math.max(0, geometry.left),
        top: Math.max(0, geometry.top),
      };
      return { values: toTensor(pixels, placed, configuration, tables, fill), geometry };
    },
    stack(prepared) {
      const [first] = prepared;
      const width = first?.geometry.tensorWidth ?? 0;
      const height = first?.geometry.tensorHeight ?? 0;
      const size =
        layout === 'nchw' ? [channels, height, width] : ([height, width, channels] as const);
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

/** Pillow's luminance (Convert.c, L24). */
function toGray(image: PixelImage): PixelImage {
  const { width, height, channels, data } = image;
  if (channels === 1) return image;
  const gray = new Uint8Array(width * height);
  for (let i = 0; i < gray.length; i += 1) {
    const at = i * channels;
    const sum =
      (data[at] ?? 0) * 19_595 + (data[at + 1] ?? 0) * 38_470 + (data[at + 2] ?? 0) * 7471;
    gray[i] = (sum + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data: gray };
}

async function decode(
  images: ImageDecoder,
  source: PredictInput,
  configuration: ImageConfiguration,
): Promise<DecodedImage> {
  const channels = channelCount(configuration);
  if (source.kind === 'pixels') {
    const image = channels === 1 ? toGray(source.image) : source.image;
    return { pixels: image, width: image.width, height: image.height };
  }
  if (source.kind !== 'image') throw invalidRequest('input', 'a picture', source.kind);
  const { alpha, maxPixels, resizer, interpolation } = configuration;
  const options = { channels, alpha, maxPixels };
  if (resizer === 'exact' || interpolation === 'box') {
    return images.decode(source.bytes, { ...options, resizeTo: undefined });
  }
  const size = await images.size(source.bytes, maxPixels);
  const geometry = planGeometry(size.width, size.height, configuration);
  checkSize(geometry);
  const { width, height } = geometry;
  return images.decode(source.bytes, {
    ...options,
    resizeTo: { width, height, filter: interpolation },
  });
}

/** A sliver of 1 by 60,000 pixels must not become a tensor of gigabytes. */
const maxTensorPixels = 64_000_000;

function checkSize(geometry: Geometry): void {
  const { width, height, tensorWidth, tensorHeight } = geometry;
  if (Math.max(width * height, tensorWidth * tensorHeight) <= maxTensorPixels) return;
  throw invalidRequest(
    'picture',
    `proportions that can be resized to at most ${maxTensorPixels} pixels`,
    `${geometry.sourceWidth} x ${geometry.sourceHeight}, which would be ${width} x ${height}`,
  );
}

function checkFits(
  model: TaskModel,
  configuration: ImageConfiguration,
  input: TensorMetadata,
): void {
  const { layout, interpolation, antialias, resize, centerCrop, mean, std } = configuration;
  requireDatatype(model, 'input', input, ['FP32', 'FP16', 'FP64', 'UINT8']);
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
