import { ServingError } from '../../errors.ts';
import type { CsvReader } from '../../tasks/ports.ts';

/** Reads CSV with csv-parse, which is loaded by the first call. */
export function createCsvReader(): CsvReader {
  return {
    async read(text, maximumRows) {
      const { parse, CsvError } = await import('csv-parse/sync');
      try {
        return parse(text, {
          ...{ columns: true, bom: true, skip_empty_lines: true, trim: true },
          ...(maximumRows !== undefined && { to: maximumRows }),
        });
      } catch (cause) {
        const line = cause instanceof CsvError ? `line ${String(cause['lines'])}` : 'some line';
        throw new ServingError(
          'INVALID_REQUEST',
          `csv: expected as many fields as the header has, well quoted; got something else at ${line}`,
          { cause },
        );
      }
    },
  };
}
