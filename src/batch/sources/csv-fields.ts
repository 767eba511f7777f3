/**
 * The fields of one record of CSV (RFC 4180), white space around them left out.
 *
 * @returns undefined for what is not well quoted
 */
export function csvFields(line: string): string[] | undefined {
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
