import { invalidArgument } from '../errors.ts';
import { formEncode } from '../events.ts';

/** The most entries of one page. */
const pageLimit = 1000;

/** What all listings have in common. */
export interface ListParameters {
  readonly prefix: string;
  readonly delimiter: string;
  readonly limit: number;
  /** Applied to every name in the answer: S3 encodes when asked by `encoding-type=url`. */
  readonly encode: (name: string) => string;
  readonly encodingType: 'url' | undefined;
}

/** @throws S3Error InvalidArgument */
export function parseListParameters(query: URLSearchParams, limitName: string): ListParameters {
  const encodingType = query.get('encoding-type') ?? undefined;
  if (encodingType !== undefined && encodingType !== 'url') {
    throw invalidArgument(
      'encoding-type',
      encodingType,
      'Invalid Encoding Method specified in Request',
    );
  }
  return {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    limit: parseLimit(query, limitName),
    encode: encodingType === 'url' ? encodeName : (name) => name,
    encodingType,
  };
}

/** A number of entries from 0; more than 1,000 count as 1,000. @throws S3Error InvalidArgument */
export function parseLimit(query: URLSearchParams, name: string): number {
  const text = query.get(name);
  if (text === null || text === '') return pageLimit;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 0 || limit > 2 ** 31 - 1) {
    throw invalidArgument(
      name,
      text,
      `Argument ${name} must be an integer between 0 and 2147483647`,
    );
  }
  return Math.min(limit, pageLimit);
}

function encodeName(name: string): string {
  return formEncode(name).replaceAll('%2F', '/');
}
