import { invalidRequest } from '../../errors.ts';
import { quote } from '../fields.ts';
import { deduceShape } from '../raw-request.ts';
import { countElements, formatShape } from '../shape.ts';
import type { TensorMetadata } from '../tensor.ts';

/**
 * The shape for an input that came without a name and a shape of its own, from the shape that the value has.
 * The order of the elements never changes:
 * - of the model's rank: as it came
 * - flat or a single value: the model's dimensions, the one that varies deduced from the number of elements
 * - one dimension short: a single row, the first dimension becomes 1
 * - one dimension too many that is 1: it goes
 *
 * @throws ServingError INVALID_REQUEST for any other rank
 */
export function fitShape(
  observed: readonly number[],
  input: TensorMetadata,
  field: string,
): readonly number[] {
  const rank = input.shape.length;
  if (observed.length === rank) return observed;
  if (observed.length <= 1) return deduceShape(input, countElements(observed, field), field);
  if (observed.length === rank - 1) return [1, ...observed];
  if (observed.length === rank + 1 && observed[0] === 1) return observed.slice(1);
  throw invalidRequest(
    field,
    `${rank} dimensions ${formatShape(input.shape)} for input ${quote(input.name)}`,
    `${observed.length} ${formatShape(observed)}`,
  );
}
