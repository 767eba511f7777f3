import type { SourceRecord } from '../source-record.ts';

/** A record as JSON, to stand beside its prediction. Of an object it is the key. */
export function inputJson({ content, origin }: SourceRecord): string {
  switch (content.kind) {
    case 'line': {
      const text = Buffer.from(content.bytes).toString();
      return isJson(text) ? text : JSON.stringify(text);
    }
    case 'csv': {
      const names = splitCsv(content.header);
      const values = splitCsv(Buffer.from(content.bytes).toString());
      return JSON.stringify(
        Object.fromEntries(names.map((name, index) => [name, values[index] ?? ''])),
      );
    }
    case 'row':
      return JSON.stringify(content.row, (_, value: unknown) =>
        typeof value === 'bigint' ? value.toString() : value,
      );
    case 'array': {
      // One row: what stands beside a prediction is one record.
      const { data } = content.tensor;
      return JSON.stringify(Array.from<unknown, unknown>(data, (value) => jsonValue(value)));
    }
    case 'object':
      return JSON.stringify(origin?.object.key ?? '');
    case 'unreadable':
      return 'null';
  }
}

function jsonValue(value: unknown): unknown {
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

/** The fields of one record of CSV (RFC 4180). */
export function splitCsv(line: string): string[] {
  if (!line.includes('"')) return line.split(',').map((field) => field.trim());
  const fields: string[] = [];
  const pattern = /\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(,|$)/gy;
  for (let match = pattern.exec(line); match !== null; match = pattern.exec(line)) {
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2]?.trim() ?? '');
    if (match[3] === '') break;
  }
  return fields;
}

/** RFC 4180, 2: quotes around what holds a comma, a quote, a line break, or space that a reader would trim. */
export function quoteCsv(cell: string): string {
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
