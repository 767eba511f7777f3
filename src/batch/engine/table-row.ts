import type { TableRow } from '../ports.ts';

/**
 * A row of a table with its 64-bit integers as numbers, rounded as JSON's are, and its booleans as 1 and 0: pandas writes every
 * whole number as the one, and what `get_dummies` makes of a category as the other, whatever the model takes.
 */
export function inNumbers(row: TableRow): TableRow {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toNumbers(value)]));
}

/**
 * A value of a cell, or those of a list, with booleans and 64-bit integers as numbers.
 *
 * @param exact whether 64-bit integers stay what they are, with every digit
 */
export function toNumbers(value: unknown, exact = false): unknown {
  if (typeof value === 'boolean' || (typeof value === 'bigint' && !exact)) return Number(value);
  return Array.isArray(value) ? value.map((element) => toNumbers(element, exact)) : value;
}
