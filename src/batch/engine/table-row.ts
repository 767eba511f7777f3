import type { TableRow } from '../ports.ts';

/**
 * A row of a table with its 64-bit integers as numbers, rounded as JSON's are: pandas writes every whole number as one,
 * whatever the model takes.
 */
export function inNumbers(row: TableRow): TableRow {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toNumbers(value)]));
}

/** A value of a cell, or those of a list, with 64-bit integers as numbers. */
export function toNumbers(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  return Array.isArray(value) ? value.map(toNumbers) : value;
}
