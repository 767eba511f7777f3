import { ServingError } from '../../errors.ts';
import { elementBytes, type FixedDatatype } from '../../protocol/datatype.ts';
import { parseNpyHeader } from '../../protocol/formats/npy-header.ts';
import { formatShape } from '../../protocol/shape.ts';
import type { InputObject } from '../job.ts';
import type { InputReads } from '../source-record.ts';

/** How the rows of a .npy file lie in it. */
export interface NpyLayout {
  readonly datatype: FixedDatatype;
  readonly rows: number;
  /** Dimensions of one row. */
  readonly rowShape: readonly number[];
  readonly rowBytes: number;
  readonly dataOffset: number;
}

/** NumPy's own limit of a header, and its magic. */
const headerBytes = 10_240;

const datatypes: Readonly<Record<string, FixedDatatype>> = {
  b1: 'BOOL',
  u1: 'UINT8',
  u2: 'UINT16',
  u4: 'UINT32',
  u8: 'UINT64',
  i1: 'INT8',
  i2: 'INT16',
  i4: 'INT32',
  i8: 'INT64',
  f2: 'FP16',
  f4: 'FP32',
  f8: 'FP64',
};

/** @throws ServingError INVALID_REQUEST that names the object */
function parseHeader(key: string, head: Uint8Array) {
  try {
    return parseNpyHeader(head);
  } catch (thrown) {
    if (!(thrown instanceof ServingError)) throw thrown;
    throw new ServingError(thrown.code, `${key}: ${thrown.message}`, { cause: thrown });
  }
}

/** @throws ServingError INVALID_REQUEST when it is not an array whose rows follow each other, in numbers */
export async function readNpyLayout(store: InputReads, object: InputObject): Promise<NpyLayout> {
  const head = await store.read(object, 0, Math.min(headerBytes, object.sizeBytes));
  const header = parseHeader(object.key, head);
  const { kind, itemBytes, bigEndian, fortranOrder, shape, dataOffset } = header;
  const datatype = datatypes[`${kind}${itemBytes}`];
  const [rows, ...rowShape] = shape;
  if (datatype === undefined) {
    const numbers = Object.keys(datatypes).join(', ');
    throw refusal(object, `numbers (${numbers})`, `${kind}${itemBytes}`);
  }
  if (bigEndian) {
    const advice = `save it with array.astype('<${kind}${itemBytes}')`;
    throw refusal(object, 'a little-endian array', `a big-endian one; ${advice}`);
  }
  if (fortranOrder) {
    const advice = 'save it with numpy.ascontiguousarray(array)';
    throw refusal(object, 'an array in C order', `one in Fortran order; ${advice}`);
  }
  const rowBytes = rowShape.reduce((product, length) => product * length, elementBytes[datatype]);
  if (rows === undefined || rowBytes === 0) {
    throw refusal(
      object,
      'at least one dimension, and rows that hold something',
      formatShape(shape),
    );
  }
  const expected = dataOffset + rows * rowBytes;
  if (object.sizeBytes !== expected) {
    const got = `${object.sizeBytes}`;
    throw refusal(object, `${expected} bytes for shape ${formatShape(shape)}`, got);
  }
  return { datatype, rows, rowShape, rowBytes, dataOffset };
}

function refusal({ key }: InputObject, expected: string, got: string): ServingError {
  return new ServingError('INVALID_REQUEST', `${key}: expected ${expected}, got ${got}`);
}
