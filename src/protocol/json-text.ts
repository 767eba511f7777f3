import { ServingError } from '../errors.ts';
import { quote } from './fields.ts';
import type { Tensor } from './tensor.ts';

/**
 * A tensor's data as a flat JSON array.
 * 64-bit integers beyond 2^53 - 1 are strings, for JSON readers that know only doubles would change them.
 *
 * @throws ServingError INVALID_REQUEST for what JSON cannot carry: FP16, NaN and infinities
 */
export function toJsonData(tensor: Tensor): string {
  const { datatype, data, name } = tensor;
  if (datatype === 'FP16') {
    throw new ServingError(
      'INVALID_REQUEST',
      `outputs ${quote(name)}: sending FP16 data via JSON is not supported. Please use the binary data format (parameters.binary_data_output)`,
    );
  }
  if (Array.isArray(data)) return JSON.stringify(data);
  if (datatype === 'BOOL') {
    const words: string[] = [];
    for (const value of data) words.push(value ? 'true' : 'false');
    return `[${words.join(',')}]`;
  }
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    const words: string[] = [];
    for (const value of data) words.push(formatLongInteger(value));
    return `[${words.join(',')}]`;
  }
  if (data instanceof Float32Array || data instanceof Float64Array) {
    refuseNonFinite(data, name);
    const words: string[] = [];
    for (const value of data) words.push(Object.is(value, -0) ? '-0' : `${value}`);
    return `[${words.join(',')}]`;
  }
  return `[${data.join(',')}]`;
}

function formatLongInteger(value: bigint): string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? `${value}` : `"${value}"`;
}

function refuseNonFinite(data: Float32Array | Float64Array, name: string): void {
  const index = data.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  throw new ServingError(
    'INVALID_REQUEST',
    `outputs ${quote(name)}: element ${index} is ${data[index]}, which JSON cannot carry; ask for binary data (parameters.binary_data_output)`,
  );
}
