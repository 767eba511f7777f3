import type sharpFunction from 'sharp';
import type { Metadata, Sharp } from 'sharp';
import { invalidRequest, ServingError } from '../../errors.ts';
import type {
  DecodedImage,
  ImageDecodeOptions,
  ImageDecoder,
  PixelImage,
} from '../../tasks/ports.ts';

/** Formats that are decoded, as libvips names them; everything else it could open (SVG, PDF, ...) stays blocked. */
const loaders = {
  jpeg: 'Jpeg',
  png: 'Png',
  webp: 'Webp',
  gif: 'Nsgif',
  tiff: 'Tiff',
  heif: 'Heif',
} as const;
/** Names that sharp has for the filters. */
const kernels = {
  nearest: 'nearest',
  bilinear: 'linear',
  bicubic: 'cubic',
  lanczos: 'lanczos3',
} as const;
const formatNames = 'JPEG, PNG, WebP, GIF, TIFF or AVIF';

/** libvips has its own threads for each pipeline; the pictures of one environment come one or a few at a time. */
async function loadSharp(): Promise<typeof sharpFunction> {
  const { default: sharp } = await import('sharp');
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({
    operation: Object.values(loaders).map((name) => `VipsForeignLoad${name}Buffer`),
  });
  sharp.unblock({ operation: ['VipsForeignLoadNsgifBuffer', 'VipsForeignLoadWebpBuffer'] });
  // Decoded pictures are never asked for twice: a cache would only hold memory.
  sharp.cache(false);
  return sharp;
}

export interface SharpDecoder extends ImageDecoder {
  /** Loads sharp, which the first call does otherwise. */
  load(): Promise<void>;
}

/** Decodes pictures with sharp (libvips). */
export function createImageDecoder(): SharpDecoder {
  let loading: Promise<typeof sharpFunction> | undefined;
  const load = () => {
    loading ??= loadSharp();
    return loading;
  };

  return {
    async load() {
      await load();
    },

    async size(bytes, maxPixels) {
      const { width, height } = await inspect(await load(), bytes, maxPixels);
      return { width, height };
    },

    async decode(bytes, options): Promise<DecodedImage> {
      const sharp = await load();
      const { width, height, metadata } = await inspect(sharp, bytes, options.maxPixels);
      const pipeline = prepare(sharp, bytes, metadata, options);
      if (options.resizeTo !== undefined) {
        const { width: toWidth, height: toHeight, filter } = options.resizeTo;
        pipeline.resize(toWidth, toHeight, { fit: 'fill', kernel: kernels[filter] });
      }
      const { data, info } = await orRefuse(pipeline.raw().toBuffer({ resolveWithObject: true }));
      const { channels } = info;
      if (channels !== options.channels) {
        throw new ServingError(
          'INTERNAL',
          `decoder: expected ${options.channels} channels, got ${channels}`,
        );
      }
      return {
        pixels: { width: info.width, height: info.height, channels: options.channels, data },
        width,
        height,
      };
    },

    async encodePng(image: PixelImage) {
      const sharp = await load();
      const { width, height, channels, data } = image;
      const picture = sharp(data, { raw: { width, height, channels } });
      if (channels === 1) picture.toColourspace('b-w');
      return picture.png({ compressionLevel: 6 }).toBuffer();
    },
  };
}

interface Inspected {
  readonly metadata: Metadata;
  /** Upright. */
  readonly width: number;
  readonly height: number;
}

/** Reads the header only: a bomb is refused before a pixel is decoded. */
async function inspect(
  sharp: typeof sharpFunction,
  bytes: Uint8Array,
  maxPixels: number,
): Promise<Inspected> {
  if (bytes.length === 0) throw invalidRequest('picture', formatNames, 'no bytes');
  const metadata = await readHeader(sharp, bytes);
  const { autoOrient } = metadata;
  const pixels = autoOrient.width * autoOrient.height;
  if (pixels > maxPixels) {
    throw new ServingError(
      'PAYLOAD_TOO_LARGE',
      `picture: expected at most ${maxPixels} pixels, got ${autoOrient.width} x ${autoOrient.height}`,
    );
  }
  return { metadata, width: autoOrient.width, height: autoOrient.height };
}

async function readHeader(sharp: typeof sharpFunction, bytes: Uint8Array): Promise<Metadata> {
  try {
    return await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (cause) {
    throw new ServingError(
      'UNSUPPORTED_MEDIA_TYPE',
      `picture: expected ${formatNames}, got something else or a broken header`,
      { cause },
    );
  }
}

function prepare(
  sharp: typeof sharpFunction,
  bytes: Uint8Array,
  metadata: Metadata,
  options: ImageDecodeOptions,
): Sharp {
  const pipeline = sharp(bytes, {
    limitInputPixels: options.maxPixels,
    // Corrupt JPEG data are but warnings to libjpeg, and wrong pixels to a model.
    failOn: 'warning',
    // Models are trained on pictures whose colour profile nobody looked at; CMYK means nothing without one.
    ignoreIcc: metadata.space !== 'cmyk',
    sequentialRead: true,
  }).autoOrient();
  if (metadata.hasAlpha) {
    if (options.alpha === 'drop') pipeline.removeAlpha();
    else pipeline.flatten({ background: options.alpha });
  }
  return options.channels === 1
    ? pipeline.toColourspace('b-w').removeAlpha()
    : pipeline.toColourspace('srgb').removeAlpha();
}

async function orRefuse<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (cause) {
    throw new ServingError('INVALID_REQUEST', 'picture: corrupt or truncated', { cause });
  }
}
