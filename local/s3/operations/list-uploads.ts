import type { BucketHandler } from '../context.ts';
import { compareKeys, SortedKeys } from '../key-order.ts';
import { listPage } from '../listing.ts';
import type { Bucket, OpenUpload } from '../model.ts';
import { xmlReply } from '../reply.ts';
import type { XmlContent } from '../xml.ts';
import { owner } from './buckets.ts';
import { commonPrefixesOf } from './list-objects.ts';
import { type ListParameters, parseListParameters } from './list-parameters.ts';

/** A line of the answer: an upload, or a common prefix. */
type Line =
  | { readonly kind: 'upload'; readonly name: string; readonly upload: OpenUpload }
  | { readonly kind: 'prefix'; readonly name: string };

export const listMultipartUploads: BucketHandler = ({ bucket: name, query }, { store }) => {
  const parameters = parseListParameters(query, 'max-uploads');
  const { encode, encodingType, limit } = parameters;
  const keyMarker = query.get('key-marker') ?? '';
  const uploadIdMarker = query.get('upload-id-marker') ?? '';
  // One line more than fits tells whether there are more.
  const found = linesOf(store.bucket(name), parameters, keyMarker, uploadIdMarker, limit + 1);
  const lines = found.slice(0, limit);
  const last = found.length > limit ? lines.at(-1) : undefined;
  return xmlReply('ListMultipartUploadsResult', {
    Bucket: name,
    KeyMarker: encode(keyMarker),
    UploadIdMarker: uploadIdMarker,
    NextKeyMarker: last === undefined ? undefined : encode(last.name),
    NextUploadIdMarker: last?.kind === 'upload' ? last.upload.id : undefined,
    Prefix: encode(parameters.prefix),
    Delimiter: parameters.delimiter === '' ? undefined : encode(parameters.delimiter),
    MaxUploads: limit,
    EncodingType: encodingType,
    IsTruncated: last !== undefined,
    Upload: lines.flatMap((line) =>
      line.kind === 'upload' ? [describeUpload(line.upload, encode)] : [],
    ),
    CommonPrefixes: commonPrefixesOf(
      lines.flatMap((line) => (line.kind === 'prefix' ? [line] : [])),
      encode,
    ),
  });
};

function linesOf(
  bucket: Bucket,
  parameters: ListParameters,
  keyMarker: string,
  uploadIdMarker: string,
  limit: number,
): readonly Line[] {
  const byKey = Map.groupBy([...bucket.uploads.values()].sort(compareUploads), ({ key }) => key);
  const linesOfKey = (key: string): readonly Line[] =>
    (byKey.get(key) ?? []).map((upload) => ({ kind: 'upload', name: key, upload }));
  const ofMarker = uploadIdMarker === '' ? [] : linesOfKey(keyMarker);
  const marker = ofMarker.findIndex(
    (line) => line.kind === 'upload' && line.upload.id === uploadIdMarker,
  );
  const keys = new SortedKeys(() => byKey.keys());
  const page = listPage(keys, { ...parameters, after: keyMarker, limit }, () => true);
  return [
    ...(marker < 0 ? [] : ofMarker.slice(marker + 1)),
    ...page.entries.flatMap(({ kind, name }): readonly Line[] =>
      kind === 'prefix' ? [{ kind, name }] : linesOfKey(name),
    ),
  ].slice(0, limit);
}

/** Keys in listing order, the uploads of one key by their start. */
function compareUploads(a: OpenUpload, b: OpenUpload): number {
  return compareKeys(a.key, b.key) || a.initiatedMs - b.initiatedMs || (a.id < b.id ? -1 : 1);
}

function describeUpload(upload: OpenUpload, encode: (name: string) => string): XmlContent {
  return {
    Key: encode(upload.key),
    UploadId: upload.id,
    Initiator: owner,
    Owner: owner,
    StorageClass: upload.attributes.storageClass,
    Initiated: new Date(upload.initiatedMs).toISOString(),
    ChecksumAlgorithm: upload.checksumAlgorithm,
    ChecksumType: upload.checksumAlgorithm === undefined ? undefined : upload.checksumType,
  };
}
