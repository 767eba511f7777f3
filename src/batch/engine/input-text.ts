import { formatFloat32 } from '../../protocol/float32-text.ts';
import { halfToNumber } from '../../protocol/half.ts';
import type { Datatype } from '../../protocol/tensor.ts';
import type { SourceRecord } from '../source-record.ts';

/** A record as JSON, to stand beside its prediction. Of an object it is the key. */
export function inputJson({ content, origin }: SourceRecord): string {
  switch (content.kind) {
    case 'line': {
      const text = Buffer.from(content.bytes).toString();
      return isJson(text) ? text : JSON.stringify(text);
    }
    case 'csv': {
      const names = splitCsv(content.header) ?? [];
      const values = splitCsv(Buffer.from(content.bytes).toString()) ?? [];
      return JSON.stringify(
        Object.fromEntries(names.map((name, index) => [name, values[index] ?? ''])),
      );
    }
    case 'row':
      return JSON.stringify(content.row, (_, value: unknown) => jsonValue(value));
    case 'array': {
      // One row: what stands beside a prediction is one record.
      const { datatype, data } = content.tensor;
      return JSON.stringify(Array.from<unknown, unknown>(data, readable(datatype)));
    }
    case 'lines':
      throw new Error('lines that came together are told apart first');
    case 'object':
      return JSON.stringify(origin?.object.key ?? '');
    case 'unreadable':
      return 'null';
  }
}

/** Elements of an array are kept as bits where JavaScript has no numbers of their kind. */
function readable(datatype: Datatype): (value: unknown) => unknown {
  switch (datatype) {
    case 'BOOL':
      return (value) => value === 1;
    case 'FP16':
      return (bits) => Number(formatFloat32(halfToNumber(Number(bits))));
    case 'FP32':
      return (value) => Number(formatFloat32(Number(value)));
    default:
      return jsonValue;
  }
}

/** Bytes that are no text are in base64; a list that is missing is as a number that is. */
function jsonValue(value: unknown): unknown {
  if (value === undefined) return null;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return typeof value === 'bigint' ? value.toString() : value;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The fields of one record of CSV (RFC 4180), white space around them left out.
 *
 * @returns undefined for what is not well quoted
 */
export function splitCsv(line: string): string[] | undefined {
  if (!line.includes('"')) return line.split(',').map((field) => field.trim());
  const fields: string[] = [];
  let start = 0;
  for (;;) {
    const opening = /\s*"/y;
    opening.lastIndex = start;
    if (opening.test(line)) {
      const closing = endOfQuoted(line, opening.lastIndex);
      if (closing < 0) return undefined;
      fields.push(line.slice(opening.lastIndex, closing).replaceAll('""', '"'));
      const comma = line.indexOf(',', closing);
      const end = comma < 0 ? line.length : comma;
      if (line.slice(closing + 1, end).trim() !== '') return undefined;
      if (comma < 0) return fields;
      start = comma + 1;
    } else {
      const comma = line.indexOf(',', start);
      const field = line.slice(start, comma < 0 ? line.length : comma).trim();
      if (field.includes('"')) return undefined;
      fields.push(field);
      if (comma < 0) return fields;
      start = comma + 1;
    }
  }
}

/** Place of the quote that closes a field; -1 when there is none. */
function endOfQuoted(line: string, start: number): number {
  let quote = line.indexOf('"', start);
  while (quote >= 0 && line[quote + 1] === '"') quote = line.indexOf('"', quote + 2);
  return quote;
}

/**
 * RFC 4180, 2: quotes around what holds a comma, a quote, a line break, or space that a reader would trim; and around nothing,
 * which as the only cell would be a blank line, and no row for most readers.
 */
export function quoteCsv(cell: string): string {
  return /^$|[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
