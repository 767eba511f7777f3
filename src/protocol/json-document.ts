import { ServingError } from '../errors.ts';
import { quote } from './fields.ts';

/** A parsed JSON text that can also be read without losing digits of long integers. */
export interface JsonDocument {
  readonly root: unknown;
  /**
   * The same document in which whole numbers of 16 to 20 digits, which a double may not hold, are strings of these
   * digits or bigints. Costs a second parse, and only where the text has such numbers.
   */
  exactRoot(): unknown;
}

/** A whole JSON number of 16 digits, the fewest that can pass 2^53 - 1, to the 20 that a 64-bit integer can have. */
const longInteger = /(?<=[[,:\s])-?\d{16,20}(?=[\],}\s])/g;

/**
 * @param field what the text is, for messages: `body`, `lines[3]`
 * @throws ServingError INVALID_REQUEST
 */
export function parseJsonDocument(text: string, field: string): JsonDocument {
  const root = parse(text, field);
  let exact: unknown;
  return {
    root,
    exactRoot: () => {
      exact ??= parseExactly(text, root, field);
      return exact;
    },
  };
}

function parseExactly(text: string, root: unknown, field: string): unknown {
  if (text.search(longInteger) < 0) return root;
  try {
    return JSON.parse(text.replace(longInteger, '"$&"'));
  } catch {
    // There are such digits within a string too, where a quote ends the string before a digit: never JSON, so that
    // no text is read wrongly. The slow way tells numbers and strings apart.
    return parse(text, field, keepDigits);
  }
}

/** `context.source` is the number as it stands in the text (ECMAScript, JSON.parse source text access). */
type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

const keepDigits: Reviver = (_key, value, { source = '' }) =>
  typeof value === 'number' && /^-?\d{16,20}$/.test(source) ? BigInt(source) : value;

/** TypeScript's own declaration does not know the third argument of a reviver yet. */
const parseWithSource = JSON.parse as (text: string, reviver?: Reviver) => unknown;

function parse(text: string, field: string, reviver?: Reviver): unknown {
  try {
    return reviver === undefined ? JSON.parse(text) : parseWithSource(text, reviver);
  } catch (cause) {
    // A RangeError is a stack that a reviver exhausted on deep nesting; a SyntaxError tells where the text is wrong.
    const got = cause instanceof SyntaxError ? quote(cause.message) : 'nesting that is too deep';
    throw new ServingError('INVALID_REQUEST', `${field}: expected JSON, got ${got}`, { cause });
  }
}
