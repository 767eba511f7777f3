import { ServingError } from '../errors.ts';
import type { InputFormat, OutputFormat } from './job.ts';

const outputContentTypes: Readonly<Record<OutputFormat, string>> = {
  jsonl: 'application/jsonl',
  csv: 'text/csv',
  parquet: 'application/vnd.apache.parquet',
};

/** As parts of predictions, and what is merged of them, are stored. */
export function outputContentType(format: OutputFormat): string {
  return outputContentTypes[format];
}

const formatsByExtension: Readonly<Record<string, InputFormat>> = {
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  csv: 'csv',
  txt: 'text',
  parquet: 'parquet',
  npy: 'npy',
  jpg: 'media',
  jpeg: 'media',
  png: 'media',
  webp: 'media',
  gif: 'media',
  tif: 'media',
  tiff: 'media',
  avif: 'media',
  wav: 'media',
  flac: 'media',
  mp3: 'media',
  ogg: 'media',
  oga: 'media',
  opus: 'media',
};

/** Formats of which a packed object can be unpacked into shards: those of lines. */
const packable: ReadonlySet<InputFormat> = new Set(['jsonl', 'csv', 'text']);

/** What an object's name says of its content. */
export interface ContentFormat {
  readonly format: InputFormat;
  readonly gzip: boolean;
}

/**
 * @param key the object's key or file name
 * @param asked the job's own word, which goes before the name
 * @throws ServingError UNSUPPORTED_MEDIA_TYPE
 */
export function formatOf(key: string, asked: InputFormat | undefined): ContentFormat {
  const name = key.slice(key.lastIndexOf('/') + 1).toLowerCase();
  const gzip = name.endsWith('.gz');
  const unpacked = gzip ? name.slice(0, -'.gz'.length) : name;
  const extension = unpacked.slice(unpacked.lastIndexOf('.') + 1);
  const format = asked ?? formatsByExtension[extension];
  if (format === undefined) {
    throw new ServingError(
      'UNSUPPORTED_MEDIA_TYPE',
      `${name}: expected a name that ends in ${listExtensions()}, or a job that says the format`,
    );
  }
  if (gzip && !packable.has(format)) {
    throw new ServingError(
      'UNSUPPORTED_MEDIA_TYPE',
      `${name}: expected ${[...packable].join(', ')} when it is packed, got ${format}`,
    );
  }
  return { format, gzip };
}

function listExtensions(): string {
  return Object.keys(formatsByExtension)
    .map((extension) => `.${extension}`)
    .join(', ');
}
