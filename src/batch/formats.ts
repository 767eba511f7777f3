import { ServingError } from '../errors.ts';
import type { InputFormat } from './job.ts';

const formatsByExtension: Readonly<Record<string, InputFormat>> = {
  jsonl: 'jsonl',
  ndjson: 'jsonl',
};

/** What an object's name says of its content. */
export interface ContentFormat {
  readonly format: InputFormat;
}

/**
 * @param key the object's key or file name
 * @param asked the job's own word, which goes before the name
 * @throws ServingError UNSUPPORTED_MEDIA_TYPE
 */
export function formatOf(key: string, asked: InputFormat | undefined): ContentFormat {
  const name = key.slice(key.lastIndexOf('/') + 1).toLowerCase();
  const extension = name.slice(name.lastIndexOf('.') + 1);
  const format = asked ?? formatsByExtension[extension];
  if (format !== undefined) return { format };
  throw new ServingError(
    'UNSUPPORTED_MEDIA_TYPE',
    `${name}: expected a name that ends in ${listExtensions()}, or a job that says the format`,
  );
}

function listExtensions(): string {
  return Object.keys(formatsByExtension)
    .map((extension) => `.${extension}`)
    .join(', ');
}
