import * as fc from 'fast-check';
import { elementBytes, type FixedDatatype, viewOf } from '../../src/protocol/datatype.ts';
import type { Datatype, Tensor } from '../../src/protocol/tensor.ts';

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });

function countOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Any bits at all: NaN with every payload, subnormals, the largest integers. */
function anyBits(datatype: FixedDatatype, count: number): fc.Arbitrary<Tensor['data']> {
  const size = count * elementBytes[datatype];
  const byte =
    datatype === 'BOOL' ? fc.integer({ min: 0, max: 1 }) : fc.integer({ min: 0, max: 255 });
  return fc
    .array(byte, { minLength: size, maxLength: size })
    .map((bytes) => viewOf(datatype, Uint8Array.from(bytes).buffer, 0, count));
}

/** Values that JSON has a form for, its edges often. */
function jsonValues(datatype: FixedDatatype, count: number): fc.Arbitrary<Tensor['data']> {
  const exactly = { minLength: count, maxLength: count };
  if (datatype === 'FP32')
    return fc.float32Array({ ...exactly, noNaN: true, noDefaultInfinity: true });
  if (datatype === 'FP64')
    return fc.float64Array({ ...exactly, noNaN: true, noDefaultInfinity: true });
  if (datatype === 'INT64') return fc.bigInt64Array({ ...exactly });
  if (datatype === 'UINT64') return fc.bigUint64Array({ ...exactly });
  return anyBits(datatype, count);
}

const strings = fc.string({ unit: 'binary', maxLength: 12 });

/** A tensor of the datatype with any shape of up to four dimensions. */
export function tensors(
  datatype: Datatype,
  form: 'binary' | 'json',
  name = 'x',
): fc.Arbitrary<Tensor> {
  return shapes.chain((shape) => {
    const count = countOf(shape);
    const data: fc.Arbitrary<Tensor['data']> =
      datatype === 'BYTES'
        ? fc.array(strings, { minLength: count, maxLength: count })
        : form === 'binary'
          ? anyBits(datatype, count)
          : jsonValues(datatype, count);
    return data.map((values) => ({ name, datatype, shape, data: values }));
  });
}

/** The bits of a tensor: equal for equal values only, -0 and every NaN told apart. */
export function bitsOf({ data }: Tensor): readonly (string | number)[] {
  if (Array.isArray(data)) return data;
  return Array.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
