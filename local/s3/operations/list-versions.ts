import type { BucketHandler } from '../context.ts';
import { invalidArgument } from '../errors.ts';
import { listPage } from '../listing.ts';
import type { Bucket, Version } from '../model.ts';
import { xmlReply } from '../reply.ts';
import type { XmlContent } from '../xml.ts';
import { owner } from './buckets.ts';
import { commonPrefixesOf, describeObject } from './list-objects.ts';
import { type ListParameters, parseListParameters } from './list-parameters.ts';

/** A line of the answer: a version of a key, or a common prefix. */
type Line =
  | {
      readonly kind: 'version';
      readonly key: string;
      readonly version: Version;
      readonly isLatest: boolean;
    }
  | { readonly kind: 'prefix'; readonly name: string };

export const listObjectVersions: BucketHandler = ({ bucket: name, query }, { store }) => {
  const bucket = store.bucket(name);
  const parameters = parseListParameters(query, 'max-keys');
  const { encode, encodingType, limit } = parameters;
  const keyMarker = query.get('key-marker') ?? '';
  const versionIdMarker = query.get('version-id-marker') ?? '';
  if (versionIdMarker !== '' && keyMarker === '') {
    throw invalidArgument(
      'version-id-marker',
      versionIdMarker,
      'A version-id marker cannot be specified without a key marker.',
    );
  }
  // One line more than fits tells whether there are more.
  const found = linesOf(bucket, parameters, keyMarker, versionIdMarker, limit + 1);
  const lines = found.slice(0, limit);
  const truncated = limit > 0 && found.length > limit;
  const last = truncated ? lines.at(-1) : undefined;
  return xmlReply('ListVersionsResult', {
    Name: name,
    Prefix: encode(parameters.prefix),
    KeyMarker: encode(keyMarker),
    VersionIdMarker: versionIdMarker,
    NextKeyMarker:
      last === undefined ? undefined : encode(last.kind === 'prefix' ? last.name : last.key),
    NextVersionIdMarker: last?.kind === 'version' ? last.version.versionId : undefined,
    MaxKeys: limit,
    Delimiter: parameters.delimiter === '' ? undefined : encode(parameters.delimiter),
    EncodingType: encodingType,
    IsTruncated: truncated,
    Version: lines.flatMap((line) => describeLine(line, false, encode)),
    DeleteMarker: lines.flatMap((line) => describeLine(line, true, encode)),
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
  versionIdMarker: string,
  limit: number,
): readonly Line[] {
  const rest = versionIdMarker === '' ? [] : versionsAfter(bucket, keyMarker, versionIdMarker);
  const page = listPage(bucket.keys, { ...parameters, after: keyMarker, limit }, () => true);
  const lines = page.entries.flatMap(({ kind, name }) =>
    kind === 'prefix' ? [{ kind, name }] : versionLines(bucket, name),
  );
  return [...rest, ...lines].slice(0, limit);
}

function versionsAfter(bucket: Bucket, key: string, versionId: string): readonly Line[] {
  const lines = versionLines(bucket, key);
  const marker = lines.findIndex(
    (line) => line.kind === 'version' && line.version.versionId === versionId,
  );
  return marker < 0 ? [] : lines.slice(marker + 1);
}

function versionLines(bucket: Bucket, key: string): readonly Line[] {
  return (bucket.objects.get(key) ?? []).map((version, index) => ({
    kind: 'version',
    key,
    version,
    isLatest: index === 0,
  }));
}

function describeLine(
  line: Line,
  deleteMarkers: boolean,
  encode: (name: string) => string,
): readonly XmlContent[] {
  if (line.kind === 'prefix' || line.version.deleteMarker !== deleteMarkers) return [];
  const { key, version, isLatest } = line;
  return [
    {
      Key: encode(key),
      VersionId: version.versionId,
      IsLatest: isLatest,
      ...(version.deleteMarker
        ? { LastModified: new Date(version.lastModifiedMs).toISOString() }
        : describeObject(version)),
      Owner: owner,
    },
  ];
}
