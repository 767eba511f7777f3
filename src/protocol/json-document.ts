import { ServingError } from '../errors.ts';
import { quote } from './fields.ts';

/** A parsed JSON text that can also be read without losing digits of long integers. */
export interface JsonDocument {
  readonly root: unknown;
  /**
   * The same document with integers beyond 2^53 - 1 as bigint, up to the 20 digits of a 64-bit integer.
   * Costs a second and slower parse, and only where the text has such integers.
   */
  exactRoot(): unknown;
}

/** An integer of 16 or more digits that is a whole JSON number: the shortest that can pass 2^53 - 1. */
const longInteger = /(?<![\d.eE+-])-?\d{16,20}(?![\d.eE])/;
const integer = /^-?\d{1,20}$/;

/**
 * @param field what the text is, for messages: `body`, `line 3`
 * @throws ServingError INVALID_REQUEST
 */
export function parseJsonDocument(text: string, field: string): JsonDocument {
  const root = parse(text, field);
  let exact: unknown;
  return {
    root,
    exactRoot: () => {
      exact ??= longInteger.test(text) ? parse(text, field, keepDigits) : root;
      return exact;
    },
  };
}

/** `context.source` is the digits as they stand in the text (ECMAScript, JSON.parse source text access). */
type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

const keepDigits: Reviver = (_key, value, { source }) =>
  typeof value === 'number' &&
  source !== undefined &&
  !Number.isSafeInteger(value) &&
  integer.test(source)
    ? BigInt(source)
    : value;

/** TypeScript's own declaration does not know the third argument of a reviver yet. */
const parseWithSource = JSON.parse as (text: string, reviver?: Reviver) => unknown;

function parse(text: string, field: string, reviver?: Reviver): unknown {
  try {
    return reviver === undefined ? parseWithSource(text) : parseWithSource(text, reviver);
  } catch (cause) {
    // A RangeError is a stack that a reviver exhausted on deep nesting; a SyntaxError tells where the text is wrong.
    const got = cause instanceof SyntaxError ? quote(cause.message) : 'nesting that is too deep';
    throw new ServingError('INVALID_REQUEST', `${field}: expected JSON, got ${got}`, { cause });
  }
}
