import type { Datatype, TensorData } from './tensor.ts';

/** Every datatype but BYTES: elements of a fixed size, carried by a typed array. */
export type FixedDatatype = Exclude<Datatype, 'BYTES'>;

/** Bytes of one element in the raw form. */
export const elementBytes: Readonly<Record<FixedDatatype, number>> = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  FP32: 4,
  FP64: 8,
};

/** All datatypes in the order in which the specification lists them. */
export const datatypes: readonly Datatype[] = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
  'BYTES',
];

const known: ReadonlySet<string> = new Set(datatypes);

export function isDatatype(text: string): text is Datatype {
  return known.has(text);
}

/** Whether JSON numbers, which are doubles to most readers, cannot carry every value of the datatype. */
export function is64BitInteger(datatype: Datatype): datatype is 'INT64' | 'UINT64' {
  return datatype === 'INT64' || datatype === 'UINT64';
}

/**
 * A typed array over a buffer that already holds the elements.
 *
 * @param byteOffset a multiple of the element's size
 * @param length elements, not bytes
 */
export function viewOf(
  datatype: FixedDatatype,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): Exclude<TensorData, string[]> {
  // The buffers of this project are never shared: SharedArrayBuffer is refused by ONNX Runtime.
  const memory = buffer as ArrayBuffer;
  switch (datatype) {
    case 'BOOL':
    case 'UINT8':
      return new Uint8Array(memory, byteOffset, length);
    case 'UINT16':
    case 'FP16':
      return new Uint16Array(memory, byteOffset, length);
    case 'UINT32':
      return new Uint32Array(memory, byteOffset, length);
    case 'UINT64':
      return new BigUint64Array(memory, byteOffset, length);
    case 'INT8':
      return new Int8Array(memory, byteOffset, length);
    case 'INT16':
      return new Int16Array(memory, byteOffset, length);
    case 'INT32':
      return new Int32Array(memory, byteOffset, length);
    case 'INT64':
      return new BigInt64Array(memory, byteOffset, length);
    case 'FP32':
      return new Float32Array(memory, byteOffset, length);
    case 'FP64':
      return new Float64Array(memory, byteOffset, length);
  }
}
