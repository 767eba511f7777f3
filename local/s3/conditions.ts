import { S3Error } from './errors.ts';
import type { ObjectVersion } from './model.ts';
import type { S3Request } from './request.ts';

/** What must hold of the current object for a write or a delete to happen. */
export interface WriteConditions {
  /** An ETag without quotes, or `*` for any object. */
  readonly ifMatch: string | undefined;
  /** `*`: only where there is no object. */
  readonly ifNoneMatch: '*' | undefined;
}

/** @throws S3Error NotImplemented: an If-None-Match that is not `*`, as AWS answers */
export function parseWriteConditions(request: S3Request): WriteConditions {
  const ifMatch = request.header('if-match');
  const ifNoneMatch = request.header('if-none-match');
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw new S3Error('NotImplemented', { details: { Header: 'If-None-Match' } });
  }
  return { ifMatch: ifMatch === undefined ? undefined : unquoted(ifMatch), ifNoneMatch };
}

/** @throws S3Error PreconditionFailed, or NoSuchKey where If-Match meets no object */
export function checkWriteConditions(
  conditions: WriteConditions,
  current: ObjectVersion | undefined,
  key: string,
): void {
  const { ifMatch, ifNoneMatch } = conditions;
  if (ifNoneMatch !== undefined && current !== undefined) throw preconditionFailed('If-None-Match');
  if (ifMatch === undefined) return;
  if (current === undefined) throw new S3Error('NoSuchKey', { details: { Key: key } });
  if (ifMatch !== '*' && ifMatch !== current.etag) throw preconditionFailed('If-Match');
}

/** Names of the headers that a read's conditions come in. */
export interface ReadConditionHeaders {
  readonly match: string;
  readonly noneMatch: string;
  readonly modifiedSince: string;
  readonly unmodifiedSince: string;
}

const readHeaders: ReadConditionHeaders = {
  match: 'if-match',
  noneMatch: 'if-none-match',
  modifiedSince: 'if-modified-since',
  unmodifiedSince: 'if-unmodified-since',
};

const copySourceHeaders: ReadConditionHeaders = {
  match: 'x-amz-copy-source-if-match',
  noneMatch: 'x-amz-copy-source-if-none-match',
  modifiedSince: 'x-amz-copy-source-if-modified-since',
  unmodifiedSince: 'x-amz-copy-source-if-unmodified-since',
};

/**
 * Whether a GET or HEAD gives the object, or the caller has it already (304).
 * @throws S3Error PreconditionFailed
 */
export function checkReadConditions(
  request: S3Request,
  version: ObjectVersion,
): 'modified' | 'notModified' {
  const { failed, unchanged } = evaluate(request, version, readHeaders);
  if (failed !== undefined) throw preconditionFailed(failed);
  return unchanged === undefined ? 'modified' : 'notModified';
}

/** Conditions on the source of a copy, none of which makes a 304. @throws S3Error PreconditionFailed */
export function checkCopySourceConditions(request: S3Request, source: ObjectVersion): void {
  const { failed, unchanged } = evaluate(request, source, copySourceHeaders);
  const header = failed ?? unchanged;
  if (header !== undefined) throw preconditionFailed(header);
}

/**
 * The order of RFC 9110, section 13.2.2: an ETag that is given makes the date beside it void.
 * @returns the header that failed, or the header by which the object counts as unchanged
 */
function evaluate(
  request: S3Request,
  version: ObjectVersion,
  names: ReadConditionHeaders,
): { readonly failed?: string; readonly unchanged?: string } {
  const match = request.header(names.match);
  const unmodifiedSince = parseDate(request.header(names.unmodifiedSince));
  const noneMatch = request.header(names.noneMatch);
  const modifiedSince = parseDate(request.header(names.modifiedSince));
  // Dates on the wire have whole seconds.
  const modifiedMs = Math.floor(version.lastModifiedMs / 1000) * 1000;
  if (match !== undefined) {
    if (!lists(match, version.etag)) return { failed: names.match };
  } else if (unmodifiedSince !== undefined && modifiedMs > unmodifiedSince) {
    return { failed: names.unmodifiedSince };
  }
  if (noneMatch !== undefined) {
    if (lists(noneMatch, version.etag)) return { unchanged: names.noneMatch };
  } else if (modifiedSince !== undefined && modifiedMs <= modifiedSince) {
    return { unchanged: names.modifiedSince };
  }
  return {};
}

function lists(header: string, etag: string): boolean {
  return header.split(',').some((entry) => ['*', etag].includes(unquoted(entry.trim())));
}

/** An ETag without its quotes; S3 takes both forms. */
export function unquoted(etag: string): string {
  return etag.replace(/^(?:W\/)?"(.*)"$/, '$1');
}

function parseDate(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

function preconditionFailed(condition: string): S3Error {
  return new S3Error('PreconditionFailed', { details: { Condition: condition } });
}
