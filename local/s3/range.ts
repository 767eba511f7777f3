import { S3Error } from './errors.ts';
import type { ObjectVersion } from './model.ts';

/** Bytes from `startByte` up to, not including, `endByte`. */
export interface ByteRange {
  readonly startByte: number;
  readonly endByte: number;
}

/**
 * The bytes that a `Range` header asks for: `bytes=a-b`, `bytes=a-`, `bytes=-n`.
 * @returns undefined for the whole object: no header, another unit, several ranges (which S3 does not
 *   serve) or a header that is not a range
 * @throws S3Error InvalidRange when no byte of the object is in it
 */
export function parseRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  const [, first = '', last = ''] = match ?? [];
  if (match === null || (first === '' && last === '')) return undefined;
  if (first === '') {
    const lengthBytes = Math.min(Number(last), sizeBytes);
    if (lengthBytes === 0) throw invalidRange(header, sizeBytes);
    return { startByte: sizeBytes - lengthBytes, endByte: sizeBytes };
  }
  const startByte = Number(first);
  if (last !== '' && Number(last) < startByte) return undefined;
  if (startByte >= sizeBytes) throw invalidRange(header, sizeBytes);
  return { startByte, endByte: last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes) };
}

/** `bytes 0-9/100`. */
export function contentRange(range: ByteRange, sizeBytes: number): string {
  return `bytes ${range.startByte}-${range.endByte - 1}/${sizeBytes}`;
}

/**
 * The bytes of one part of an object that came from an upload. Any other object is its own part 1.
 * @throws S3Error InvalidPartNumber
 */
export function rangeOfPart(version: ObjectVersion, partNumber: number): ByteRange {
  const parts = version.upload?.parts ?? [{ partNumber: 1, sizeBytes: version.sizeBytes }];
  let startByte = 0;
  for (const part of parts) {
    const endByte = startByte + part.sizeBytes;
    if (part.partNumber === partNumber) return { startByte, endByte };
    startByte = endByte;
  }
  throw new S3Error('InvalidPartNumber', {
    details: { PartNumberRequested: partNumber, ActualPartCount: parts.length },
  });
}

function invalidRange(header: string | undefined, sizeBytes: number): S3Error {
  return new S3Error('InvalidRange', {
    details: { RangeRequested: header ?? '', ActualObjectSize: sizeBytes },
    headers: { 'content-range': `bytes */${sizeBytes}` },
  });
}
