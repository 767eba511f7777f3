import { ServingError } from '../../errors.ts';
import type { Tensor } from '../tensor.ts';
import { toNestedRows } from './nested-text.ts';

/** How many rows outputs have together, their common first dimension; undefined when they have none. */
export function commonRows(outputs: readonly Tensor[]): number | undefined {
  const rows = outputs[0]?.shape[0];
  return outputs.every(({ shape }) => shape[0] === rows) ? rows : undefined;
}

/**
 * The JSON of each row: the value itself for one output, an object by name for several.
 *
 * @param advice as of `elementsText`
 * @throws ServingError NOT_ACCEPTABLE when the outputs do not have the same number of rows
 */
export function rowTexts(outputs: readonly Tensor[], advice?: string): readonly string[] {
  const rows = requireRows(outputs, 'rows');
  const columns = outputs.map((output) => ({
    name: JSON.stringify(output.name),
    texts: toNestedRows(output, advice),
  }));
  const [sole] = columns;
  if (sole !== undefined && columns.length === 1) return sole.texts;
  return Array.from({ length: rows }, (_, row) => {
    const members = columns.map(({ name, texts }) => `${name}:${texts[row] ?? 'null'}`);
    return `{${members.join(',')}}`;
  });
}

/** @throws ServingError NOT_ACCEPTABLE that lists the shapes */
export function requireRows(outputs: readonly Tensor[], format: string): number {
  const rows = commonRows(outputs);
  if (rows !== undefined) return rows;
  const shapes = outputs.map(({ name, shape }) => `${JSON.stringify(name)} [${shape.join(',')}]`);
  throw new ServingError(
    'NOT_ACCEPTABLE',
    `Accept: the outputs ${shapes.join(', ')} have no rows in common and cannot be sent as ${format}; ask for application/json`,
  );
}
