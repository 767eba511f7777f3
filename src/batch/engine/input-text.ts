import { formatFloat32 } from '../../protocol/float32-text.ts';
import { halfToNumber } from '../../protocol/half.ts';
import type { Datatype } from '../../protocol/tensor.ts';
import type { SourceRecord } from '../source-record.ts';
import { csvFields } from '../sources/csv-fields.ts';

/** A record as JSON, to stand beside its prediction. Of an object it is the key. */
export function inputJson({ content, origin }: SourceRecord): string {
  switch (content.kind) {
    case 'line': {
      const text = Buffer.from(content.bytes).toString();
      return isJson(text) ? text : JSON.stringify(text);
    }
    case 'csv': {
      const names = csvFields(content.header) ?? [];
      const values = csvFields(Buffer.from(content.bytes).toString()) ?? [];
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
