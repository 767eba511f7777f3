import type { BucketHandler } from '../context.ts';
import { invalidArgument } from '../errors.ts';
import { type ListingEntry, type ListingPage, listPage } from '../listing.ts';
import { type Bucket, currentObject, type ObjectVersion } from '../model.ts';
import { xmlReply } from '../reply.ts';
import type { XmlContent } from '../xml.ts';
import { owner } from './buckets.ts';
import { type ListParameters, parseListParameters } from './list-parameters.ts';

export const listObjectsV2: BucketHandler = ({ bucket: name, query }, { store }) => {
  const bucket = store.bucket(name);
  const parameters = parseListParameters(query, 'max-keys');
  const { encode, encodingType, limit } = parameters;
  const token = query.get('continuation-token');
  const startAfter = query.get('start-after') ?? '';
  const after = token === null ? startAfter : parseToken(token);
  const page = pageOf(bucket, parameters, after);
  const last = page.entries.at(-1)?.name;
  return xmlReply('ListBucketResult', {
    Name: name,
    Prefix: encode(parameters.prefix),
    StartAfter: startAfter === '' ? undefined : encode(startAfter),
    ContinuationToken: token ?? undefined,
    NextContinuationToken: page.truncated && last !== undefined ? tokenOf(last) : undefined,
    KeyCount: page.entries.length,
    MaxKeys: limit,
    Delimiter: parameters.delimiter === '' ? undefined : encode(parameters.delimiter),
    EncodingType: encodingType,
    IsTruncated: page.truncated,
    Contents: contentsOf(bucket, page, encode, query.get('fetch-owner') === 'true'),
    CommonPrefixes: commonPrefixesOf(page.entries, encode),
  });
};

export const listObjects: BucketHandler = ({ bucket: name, query }, { store }) => {
  const bucket = store.bucket(name);
  const parameters = parseListParameters(query, 'max-keys');
  const { delimiter, encode, encodingType, limit } = parameters;
  const marker = query.get('marker') ?? '';
  const page = pageOf(bucket, parameters, marker);
  // The first version of the API names the next page only where a delimiter hides which key was the last.
  const last = page.truncated && delimiter !== '' ? page.entries.at(-1)?.name : undefined;
  return xmlReply('ListBucketResult', {
    Name: name,
    Prefix: encode(parameters.prefix),
    Marker: encode(marker),
    NextMarker: last === undefined ? undefined : encode(last),
    MaxKeys: limit,
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    EncodingType: encodingType,
    IsTruncated: page.truncated,
    Contents: contentsOf(bucket, page, encode, true),
    CommonPrefixes: commonPrefixesOf(page.entries, encode),
  });
};

export function commonPrefixesOf(
  entries: readonly ListingEntry[],
  encode: (name: string) => string,
): readonly XmlContent[] {
  return entries
    .filter(({ kind }) => kind === 'prefix')
    .map((each) => ({ Prefix: encode(each.name) }));
}

/** The elements that describe a version in any listing. */
export function describeObject(version: ObjectVersion): XmlContent {
  return {
    LastModified: new Date(version.lastModifiedMs).toISOString(),
    ETag: `"${version.etag}"`,
    ChecksumAlgorithm: version.checksum.algorithm,
    ChecksumType: version.checksum.type,
    Size: version.sizeBytes,
    StorageClass: version.attributes.storageClass,
  };
}

function pageOf(bucket: Bucket, parameters: ListParameters, after: string): ListingPage {
  return listPage(
    bucket.keys,
    { ...parameters, after },
    (key) => currentObject(bucket, key) !== undefined,
  );
}

function contentsOf(
  bucket: Bucket,
  page: ListingPage,
  encode: (name: string) => string,
  withOwner: boolean,
): readonly XmlContent[] {
  return page.entries.flatMap(({ kind, name }) => {
    const version = kind === 'key' ? currentObject(bucket, name) : undefined;
    if (version === undefined) return [];
    return [
      { Key: encode(name), ...describeObject(version), ...(withOwner ? { Owner: owner } : {}) },
    ];
  });
}

/** A token is opaque to callers: the last name of the page, so that it stays good whatever is written meanwhile. */
function tokenOf(name: string): string {
  return Buffer.from(`1${name}`).toString('base64url');
}

function parseToken(token: string): string {
  const text = Buffer.from(token, 'base64url').toString();
  if (!text.startsWith('1')) {
    throw invalidArgument(
      'continuation-token',
      token,
      'The continuation token provided is incorrect',
    );
  }
  return text.slice(1);
}
