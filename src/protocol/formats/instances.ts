import { invalidRequest } from '../../errors.ts';
import { is64BitInteger } from '../datatype.ts';
import { describe, isObject, type JsonObject, quote } from '../fields.ts';
import type { Tensor, TensorMetadata } from '../tensor.ts';
import { tensorOfValue } from './json-value.ts';

/** The rows of a body, one JSON value each: as they were parsed, and with long integers exact. */
export interface Instances {
  readonly rows: readonly unknown[];
  /** Asked for only when an input of the model is a 64-bit integer. */
  readonly exactRows: () => readonly unknown[];
}

/**
 * Puts rows together, one tensor for each input of the model.
 * A row is an object with one value for each input (`{"x": [...], "y": 3}`); for a model with one input it may be
 * that value alone, or `{"features": value}` as SageMaker's algorithms have it.
 *
 * @param field what the rows are called in messages; `<field>[2]` is the third
 * @throws ServingError INVALID_REQUEST
 */
export function tensorsOfInstances(
  instances: Instances,
  inputs: readonly TensorMetadata[],
  field: string,
): readonly Tensor[] {
  if (instances.rows.length === 0) throw invalidRequest(field, 'at least one row', 'none');
  return inputs.map((input) => {
    const rows = is64BitInteger(input.datatype) ? instances.exactRows() : instances.rows;
    const pick = inputs.length === 1 ? soleValue(input.name, field) : namedValue(input.name, field);
    return tensorOfValue(rows.map(pick), input, field);
  });
}

type PickValue = (row: unknown, index: number) => unknown;

function soleValue(name: string, field: string): PickValue {
  return (row, index) => {
    if (!isObject(row)) return row;
    const value = ownValue(row, name) ?? ownValue(row, 'features');
    if (value !== undefined) return value;
    const expected = `a value, a list, or an object with ${quote(name)} or "features"`;
    throw invalidRequest(`${field}[${index}]`, expected, membersOf(row));
  };
}

const shownMembers = 8;

/** An object by the names of its members, the first of many. */
function membersOf(object: JsonObject): string {
  const names = Object.keys(object);
  const shown = names.slice(0, shownMembers).map(quote).join(', ');
  if (names.length === 0) return 'an empty object';
  return `an object with ${shown}${names.length > shownMembers ? ', ...' : ''}`;
}

function namedValue(name: string, field: string): PickValue {
  return (row, index) => {
    const value = isObject(row) ? ownValue(row, name) : undefined;
    if (value !== undefined) return value;
    throw invalidRequest(
      `${field}[${index}]`,
      `an object with ${quote(name)}`,
      isObject(row) ? membersOf(row) : describe(row),
    );
  };
}

/** A model may call its input `constructor`: what every object inherits is not a value. */
export function ownValue(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
