import { invalidRequest } from '../errors.ts';

/** An object out of JSON, whose fields are not known yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

const shownCharacters = 80;

/** A caller's text as a message may show it: quoted, control characters escaped, cut. */
export function quote(text: string): string {
  const cut = text.length > shownCharacters ? `${text.slice(0, shownCharacters)}...` : text;
  return JSON.stringify(cut.toWellFormed());
}

/** What came, in a few words, for the `got` of a message. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') return `the string ${quote(value)}`;
  if (Array.isArray(value)) {
    return value.length === 1 ? 'an array of 1 element' : `an array of ${value.length} elements`;
  }
  if (value instanceof Date) return `the time ${value.toJSON()}`;
  if (value instanceof Uint8Array) return `bytes that are no text (${value.byteLength})`;
  if (typeof value === 'object') return 'an object';
  return String(value);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws ServingError INVALID_REQUEST */
export function parseObject(value: unknown, field: string): JsonObject {
  if (isObject(value)) return value;
  throw invalidRequest(field, 'an object', describe(value));
}

/** @throws ServingError INVALID_REQUEST */
export function parseArray(value: unknown, field: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalidRequest(field, 'an array', describe(value));
}

/** @throws ServingError INVALID_REQUEST */
export function parseName(value: unknown, field: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw invalidRequest(field, 'a string that is not empty', describe(value));
}

/** Whether a member that may be left out was: many writers of JSON write null for what they do not have. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** @throws ServingError INVALID_REQUEST */
export function parseOptionalString(value: unknown, field: string): string | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value === 'string') return value;
  throw invalidRequest(field, 'a string', describe(value));
}

/** @throws ServingError INVALID_REQUEST */
export function parseBoolean(value: unknown, field: string): boolean {
  if (typeof value === 'boolean') return value;
  throw invalidRequest(field, 'true or false', describe(value));
}

/** A whole number from 0 to 2^53 - 1. @throws ServingError INVALID_REQUEST */
export function parseCount(value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalidRequest(field, 'a whole number of at least 0', describe(value));
}
