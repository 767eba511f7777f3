import { invalidRequest } from '../../errors.ts';
import { halfOf, halfToNumber } from '../half.ts';
import { openFiller } from '../json-fill.ts';
import type { Datatype, Tensor, TensorData } from '../tensor.ts';

type Source = Pick<Tensor, 'datatype' | 'data'>;

/**
 * Data as another datatype: any number as a float, whole numbers as whole numbers of another size when all of them
 * fit. Booleans and strings stay what they are, and a float never becomes an integer: that would hide a mistake.
 *
 * @throws ServingError INVALID_REQUEST
 */
export function convertData(source: Source, target: Datatype, field: string): TensorData {
  if (source.datatype === target) return source.data;
  const isNumber = source.datatype !== 'BOOL' && source.datatype !== 'BYTES';
  if (isNumber && (target === 'FP16' || target === 'FP32' || target === 'FP64')) {
    return toFloats(source, target, field);
  }
  const isWhole = isNumber && !source.datatype.startsWith('FP');
  if (!isWhole || target === 'BOOL' || target === 'BYTES') {
    throw invalidRequest(field, `an array of ${target}`, source.datatype);
  }
  const filler = openFiller(target, source.data.length);
  const values = Array.from<unknown, unknown>(source.data, toNumberIfExact);
  const bad = filler.fillRow(values, 0);
  if (bad < 0) return filler.target;
  throw invalidRequest(`${field}[${bad}]`, filler.expected, `${values[bad]}`);
}

function toNumberIfExact(value: unknown): unknown {
  const number = typeof value === 'bigint' ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) ? number : value;
}

function toFloats(source: Source, target: 'FP16' | 'FP32' | 'FP64', field: string): TensorData {
  const numbers = Array.from<unknown, number>(
    source.data,
    source.datatype === 'FP16' ? (bits) => halfToNumber(Number(bits)) : Number,
  );
  if (target === 'FP64') return Float64Array.from(numbers);
  const data = target === 'FP32' ? Float32Array.from(numbers) : Uint16Array.from(numbers, halfOf);
  const valueAt = (at: number) => (target === 'FP32' ? data[at] : halfToNumber(data[at] ?? 0));
  const bad = numbers.findIndex(
    (number, at) => Number.isFinite(number) && !Number.isFinite(valueAt(at)),
  );
  if (bad < 0) return data;
  throw invalidRequest(`${field}[${bad}]`, `a number in the range of ${target}`, `${numbers[bad]}`);
}
