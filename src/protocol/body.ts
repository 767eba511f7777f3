import { invalidRequest, ServingError } from '../errors.ts';
import { quote } from './fields.ts';

/** The raw tensors behind the JSON, handed out in their order. */
export interface BinarySection {
  /** The next `size` bytes, as a view of the body. @throws ServingError INVALID_REQUEST when there are fewer */
  take(size: number, field: string): Uint8Array;
  /** All that is left. */
  rest(): Uint8Array;
  /** @throws ServingError INVALID_REQUEST when bytes are left over */
  end(): void;
}

export interface SplitBody {
  /** undefined when the header says that the body is one raw tensor. */
  readonly json: string | undefined;
  readonly binary: BinarySection;
}

/** Name of the header that says how many bytes of the body are JSON (binary tensor data extension). */
export const inferenceHeaderContentLengthHeader = 'Inference-Header-Content-Length';

/**
 * Text of one body: more than Lambda lets through uncompressed. Parsed it can take sixty times as much memory
 * (JSON of `{},{},...`, CSV of commas) and, as CSV, a quarter of a second for each MiB, so that a compressed body of
 * a few kilobytes could otherwise stop a function.
 */
export const maximumTextBytes = 8 * 1024 * 1024;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });
const utf8 = new TextEncoder();

/**
 * Parts a body where the header says.
 *
 * @param maximumBytes of text
 * @throws ServingError INVALID_REQUEST, PAYLOAD_TOO_LARGE for too much text
 */
export function splitBody(
  body: Uint8Array | string,
  headerLength: string | undefined,
  maximumBytes?: number,
): SplitBody {
  if (headerLength === undefined) {
    return {
      json: bodyText(body, 'JSON', maximumBytes),
      binary: sectionOf(new Uint8Array(0)),
    };
  }
  const bytes = typeof body === 'string' ? utf8.encode(body) : body;
  const length = parseHeaderLength(headerLength, bytes.byteLength);
  return {
    json: length === 0 ? undefined : bodyText(bytes.subarray(0, length), 'JSON', maximumBytes),
    binary: sectionOf(bytes.subarray(length)),
  };
}

function parseHeaderLength(text: string, bodyBytes: number): number {
  const length = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (length <= bodyBytes) return length;
  throw invalidRequest(
    inferenceHeaderContentLengthHeader,
    `a whole number from 0 to ${bodyBytes}, the size of the body`,
    quote(text),
  );
}

/**
 * A body that is text.
 *
 * @param format what it should be, for the message
 * @throws ServingError INVALID_REQUEST for other bytes than UTF-8, PAYLOAD_TOO_LARGE
 */
export function bodyText(
  body: Uint8Array | string,
  format: 'JSON' | 'CSV',
  maximumBytes?: number,
): string {
  refuseLongText(body.length, 'body', maximumBytes);
  // As the decoder takes it off bytes: RFC 8259, 8.1 lets parsers pass over it.
  if (typeof body === 'string') return body.startsWith('\ufeff') ? body.slice(1) : body;
  try {
    return strictUtf8.decode(body);
  } catch (cause) {
    const message = `body: expected ${format} in UTF-8, got other bytes`;
    throw new ServingError('INVALID_REQUEST', message, { cause });
  }
}

/** @throws ServingError PAYLOAD_TOO_LARGE */
export function refuseLongText(
  length: number,
  field: string,
  maximumBytes = maximumTextBytes,
): void {
  if (length <= maximumBytes) return;
  throw new ServingError(
    'PAYLOAD_TOO_LARGE',
    `${field}: expected at most ${maximumBytes} bytes of text, got ${length}; send tensors in binary, or use a transform job`,
  );
}

function sectionOf(bytes: Uint8Array): BinarySection {
  let offset = 0;
  return {
    take(size, field) {
      const left = bytes.byteLength - offset;
      if (size > left) {
        throw invalidRequest(
          field,
          `at most the ${left} bytes left behind the JSON (${inferenceHeaderContentLengthHeader} says where it ends)`,
          `${size}`,
        );
      }
      offset += size;
      return bytes.subarray(offset - size, offset);
    },
    rest() {
      return bytes.subarray(offset);
    },
    end() {
      if (offset === bytes.byteLength) return;
      throw invalidRequest(
        'body',
        `${offset} bytes of binary tensors, the sum of every binary_data_size`,
        `${bytes.byteLength}`,
      );
    },
  };
}
