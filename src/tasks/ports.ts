import type { ImageConfiguration } from '../models/task/image.ts';
import type { Geometry } from './image/geometry.ts';

/**
 * Ports to the media libraries. The rooms work on pixels, samples and token ids; who decodes them is an adapter,
 * loaded only when a task needs it.
 */

/** Decoded pixels, eight bits a channel, row by row, channels interleaved. */
export interface PixelImage {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
  /** `width * height * channels` values. */
  readonly data: Uint8Array;
}

export interface ImageDecodeOptions {
  /** 3 for RGB, 1 for luminance. */
  readonly channels: 1 | 3;
  /** What to do with transparency: `drop` keeps the stored colour. */
  readonly alpha: 'drop' | 'white' | 'black';
  /** A larger picture is refused before its pixels are decoded. */
  readonly maxPixels: number;
  /** Resizes while it decodes, antialiased, proportions as they come; undefined for the picture's own size. */
  readonly resizeTo: ResizeWhileDecoding | undefined;
}

export interface ResizeWhileDecoding {
  /** Pixels, at least 1. */
  readonly width: number;
  readonly height: number;
  readonly filter: 'nearest' | 'bilinear' | 'bicubic' | 'lanczos';
}

/** A decoded picture and the size that it has upright in its file, which differs when it was resized. */
export interface DecodedImage {
  readonly pixels: PixelImage;
  readonly width: number;
  readonly height: number;
}

export interface ImageDecoder {
  /**
   * Decodes the first frame of a JPEG, PNG, WebP, GIF, TIFF or AVIF, turned upright (EXIF), 16 bits brought to 8, CMYK to RGB.
   *
   * @throws ServingError INVALID_REQUEST (corrupt, truncated, empty), UNSUPPORTED_MEDIA_TYPE or PAYLOAD_TOO_LARGE
   */
  decode(bytes: Uint8Array, options: ImageDecodeOptions): Promise<DecodedImage>;
  /** Width and height upright, without decoding pixels. Errors as `decode`. */
  size(
    bytes: Uint8Array,
    maxPixels: number,
  ): Promise<{ readonly width: number; readonly height: number }>;
  /** A PNG of 1 (gray), 3 (RGB) or 4 (RGBA) channels. */
  encodePng(image: PixelImage): Promise<Uint8Array>;
}

/** A picture as the model takes it, without the dimension of the micro-batch. */
export interface PreparedImage {
  /** [channels, height, width] or [height, width, channels]. */
  readonly values: Float32Array<ArrayBuffer>;
  readonly geometry: Geometry;
}

/** Another thread, which prepares pictures while a run blocks this one. */
export interface PictureThread {
  /**
   * Errors as `ImageDecoder.decode`, and UNAVAILABLE when the thread ends before it is done.
   *
   * @returns undefined while there is no such thread: the first call starts it and does not wait
   */
  prepare(bytes: Uint8Array, configuration: ImageConfiguration): Promise<PreparedImage> | undefined;
}

export interface AudioDecodeOptions {
  /** Samples a second wanted. */
  readonly sampleRate: number;
  /** Longer sound is refused as soon as that much was decoded. */
  readonly maxSeconds: number;
}

export interface AudioDecoder {
  /**
   * Decodes WAV, FLAC, MP3, Ogg Vorbis or Ogg Opus to mono samples (the mean of the channels) at the rate wanted.
   *
   * @throws ServingError INVALID_REQUEST (corrupt, truncated, empty), UNSUPPORTED_MEDIA_TYPE or PAYLOAD_TOO_LARGE
   */
  decode(bytes: Uint8Array, options: AudioDecodeOptions): Promise<Float32Array>;
}

/** A text as the tokens of a vocabulary, without special tokens around it. */
export interface Tokens {
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
}

export interface Tokenizer {
  /** @param addSpecialTokens whether the model's marks ([CLS], [SEP], ...) are put around it */
  encode(text: string, addSpecialTokens: boolean): Tokens;
  /** Id of a token of the vocabulary. */
  tokenId(token: string): number | undefined;
}

export interface TokenizerFactory {
  /**
   * @param tokenizerJson content of tokenizer.json
   * @param configJson content of tokenizer_config.json, `{}` where there is none
   * @throws ServingError MODEL_UNAVAILABLE when they cannot be used
   */
  create(tokenizerJson: string, configJson: string): Promise<Tokenizer>;
}

export interface CsvReader {
  /**
   * Rows of a CSV text with a header line, by column name.
   *
   * @param maximumRows after which it reads no more
   * @throws ServingError INVALID_REQUEST that names the line
   */
  read(text: string, maximumRows?: number): Promise<Readonly<Record<string, string>>[]>;
}

/** What the tasks may use; each is loaded by its first call. */
export interface MediaDecoders {
  readonly csv: CsvReader;
  readonly images: ImageDecoder;
  readonly pictureThread: PictureThread;
  readonly audio: AudioDecoder;
  readonly tokenizers: TokenizerFactory;
}
