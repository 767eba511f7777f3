import { ServingError } from '../errors.ts';
import { quote } from './fields.ts';

/** A parsed JSON text that can also be read without losing digits of long integers. */
export interface JsonDocument {
  readonly root: unknown;
  /**
   * The same document in which whole numbers of 16 to 20 digits, which a double may not hold, are strings of these
   * digits. Costs a second parse, and only where the text has such numbers.
   */
  exactRoot(): unknown;
}

/**
 * A whole JSON number of 16 digits, the fewest that can pass 2^53 - 1, to the 20 that a 64-bit integer can have; it may be
 * the whole text.
 */
const longInteger = /(?<![^[,:\s])-?\d{16,20}(?![^\],}\s])/g;
/** And what tells where strings begin and end. */
const longIntegerOrMark = new RegExp(`\\\\.|"|${longInteger.source}`, 'g');

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
    // no text is read wrongly. The slower way tells numbers and strings apart.
    return parse(withQuotedIntegers(text), field);
  }
}

/** @param text which has been parsed: it is JSON */
function withQuotedIntegers(text: string): string {
  let isInString = false;
  return text.replace(longIntegerOrMark, (found) => {
    if (found === '"') isInString = !isInString;
    return found.length <= 2 || isInString ? found : `"${found}"`;
  });
}

function parse(text: string, field: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // A SyntaxError tells where the text is wrong; anything else is a stack that deep nesting exhausted.
    const got = cause instanceof SyntaxError ? quote(cause.message) : 'nesting that is too deep';
    throw new ServingError('INVALID_REQUEST', `${field}: expected JSON, got ${got}`, { cause });
  }
}
