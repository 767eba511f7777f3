import { invalidRequest } from '../../errors.ts';
import type { ImageConfiguration } from '../../models/task/image.ts';
import type { DecodedImage, ImageDecoder, PixelImage, PreparedImage } from '../ports.ts';
import type { PictureInput } from '../predictor.ts';
import { type Geometry, planGeometry } from './geometry.ts';
import { channelCount, normalisationTables, toTensor } from './normalise.ts';
import { resampleNearest } from './resample-nearest.ts';
import { resampleOpenCv } from './resample-opencv.ts';
import { resamplePillow, type Window } from './resample-pillow.ts';
import { sampleByCorners } from './sample-corners.ts';

/** Decodes, resizes and normalises a picture. @throws ServingError 4xx when it is bad */
export type PreparePicture = (source: PictureInput) => Promise<PreparedImage>;

export function createPicturePreparation(
  configuration: ImageConfiguration,
  images: ImageDecoder,
): PreparePicture {
  const tables = normalisationTables(configuration);
  const { resize, sampling } = configuration;
  const fill = resize?.mode === 'contain' ? resize.fill : undefined;

  return async (source) => {
    const decoded = await decode(images, source, configuration);
    const geometry = planGeometry(decoded.width, decoded.height, configuration);
    checkSize(geometry);
    if (sampling === 'corners') {
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
  };
}

async function decode(
  images: ImageDecoder,
  source: PictureInput,
  configuration: ImageConfiguration,
): Promise<DecodedImage> {
  const channels = channelCount(configuration);
  if (source.kind === 'pixels') {
    const image = channels === 1 ? toGray(source.image) : source.image;
    return { pixels: image, width: image.width, height: image.height };
  }
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
