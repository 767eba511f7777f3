import { invalidRequest, ServingError } from '../../errors.ts';
import { parseBinaryData, toBinaryData } from '../binary-data.ts';
import type { FixedDatatype } from '../datatype.ts';
import type { EncodedBody } from '../encode-tensor.ts';
import { quote } from '../fields.ts';
import { soleInput } from '../raw-request.ts';
import { countElements } from '../shape.ts';
import type { Datatype, Tensor } from '../tensor.ts';
import { convertData } from './convert.ts';
import { fitShape } from './fit-shape.ts';
import {
  type Answer,
  type BodyFormat,
  bareRequest,
  type DecodeContext,
  type Invocation,
} from './format.ts';
import { formatNpyHeader, type NpyHeader, parseNpyHeader } from './npy-header.ts';
import { formatUnicode, parseByteStrings, parseUnicode } from './npy-strings.ts';

/**
 * NumPy's own file format, one array: for the only input of a model, and answered so when the model has one output.
 * Numbers of another type than the input's are converted where nothing but precision is lost.
 */
export const npyFormat: BodyFormat = {
  mediaTypes: ['application/x-npy'],
  decode(body: Uint8Array | string, { inputs }: DecodeContext): Invocation {
    if (typeof body === 'string') throw invalidRequest('body', 'a .npy file', 'text');
    const input = soleInput(inputs);
    const array = parseNpy(body);
    const shape = fitShape(array.shape, input, 'body');
    const data = convertData(array, input.datatype, 'body');
    const tensor = { name: input.name, datatype: input.datatype, shape, data };
    return { request: bareRequest([tensor]), layout: 'rows', withHeader: false };
  },
  encode({ response: { outputs } }: Answer): EncodedBody {
    const [output] = outputs;
    if (output !== undefined && outputs.length === 1) {
      return { body: formatNpy(output), headers: { 'content-type': 'application/x-npy' } };
    }
    const names = outputs.map(({ name }) => quote(name)).join(', ');
    throw new ServingError(
      'NOT_ACCEPTABLE',
      `Accept: application/x-npy holds one array and the answer has ${names}; ask for application/json or application/octet-stream`,
    );
  },
};

const descriptors: Readonly<Record<FixedDatatype, string>> = {
  BOOL: '|b1',
  UINT8: '|u1',
  UINT16: '<u2',
  UINT32: '<u4',
  UINT64: '<u8',
  INT8: '|i1',
  INT16: '<i2',
  INT32: '<i4',
  INT64: '<i8',
  FP16: '<f2',
  FP32: '<f4',
  FP64: '<f8',
};

const datatypeByKind: ReadonlyMap<string, FixedDatatype> = new Map(
  Object.entries(descriptors).map(([datatype, descriptor]) => [
    descriptor.slice(1),
    datatype as FixedDatatype,
  ]),
);

/**
 * Reads a .npy file: numbers of every size in either byte order, booleans, `S` and `U` strings, C or Fortran order.
 * Little-endian numbers in C order are a view of `bytes` where its alignment allows.
 *
 * @returns a tensor without a name
 * @throws ServingError INVALID_REQUEST
 */
export function parseNpy(bytes: Uint8Array): Omit<Tensor, 'name'> {
  const header = parseNpyHeader(bytes);
  const { kind, itemBytes, shape } = header;
  const datatype: Datatype | undefined =
    kind === 'S' || kind === 'U' ? 'BYTES' : datatypeByKind.get(`${kind}${itemBytes}`);
  // Strings of no width take no bytes however many they are.
  if (datatype === undefined || itemBytes === 0) {
    throw invalidRequest(
      'body',
      'an array of booleans, integers, floats of at most 8 bytes, or strings',
      `the type ${quote(`${kind}${itemBytes}`)}`,
    );
  }
  const count = countElements(shape, 'body');
  const raw = bytes.subarray(header.dataOffset);
  if (raw.length !== count * itemBytes) {
    throw invalidRequest('body', `${count * itemBytes} bytes of data`, `${raw.length}`);
  }
  const data = inRowMajorOrder(inLittleEndian(raw, header), header);
  if (kind === 'S') return { datatype, shape, data: parseByteStrings(data, itemBytes, count) };
  if (kind === 'U') return { datatype, shape, data: parseUnicode(data, itemBytes, count) };
  return { datatype, shape, data: parseBinaryData(data, datatype, count, 'body') };
}

function inLittleEndian(raw: Uint8Array, { bigEndian, kind, itemBytes }: NpyHeader): Uint8Array {
  const unitBytes = kind === 'U' ? 4 : itemBytes;
  if (!bigEndian || kind === 'S' || unitBytes === 1) return raw;
  const copy = Buffer.from(raw);
  if (unitBytes === 2) return copy.swap16();
  return unitBytes === 4 ? copy.swap32() : copy.swap64();
}

/** Fortran order runs along the first dimension first. */
function inRowMajorOrder(data: Uint8Array, header: NpyHeader): Uint8Array {
  const { fortranOrder, shape, itemBytes } = header;
  if (!fortranOrder || shape.length < 2 || data.length === 0) return data;
  const strides: number[] = [];
  let stride = itemBytes;
  for (const length of shape) {
    strides.push(stride);
    stride *= length;
  }
  const ordered = new Uint8Array(data.length);
  const position = shape.map(() => 0);
  let source = 0;
  for (let target = 0; target < data.length; target += itemBytes) {
    for (let byte = 0; byte < itemBytes; byte++) {
      ordered[target + byte] = data[source + byte] ?? 0;
    }
    // The next place in row-major order: the last dimension that can still step does, those behind it start anew.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const length = shape[axis] ?? 1;
      const next = (position[axis] ?? 0) + 1;
      source += strides[axis] ?? 0;
      if (next < length) {
        position[axis] = next;
        break;
      }
      position[axis] = 0;
      source -= length * (strides[axis] ?? 0);
    }
  }
  return ordered;
}

/** Writes a tensor as a .npy file; BYTES as `U`, for that is what NumPy calls text. */
export function formatNpy(tensor: Omit<Tensor, 'name'>): Uint8Array {
  const { datatype, shape, data } = tensor;
  const strings = Array.isArray(data) ? formatUnicode(data) : undefined;
  const raw = strings?.bytes ?? toBinaryData(tensor);
  const descriptor =
    datatype === 'BYTES' ? `<U${strings?.maximumLength ?? 1}` : descriptors[datatype];
  const header = formatNpyHeader(descriptor, shape);
  const file = new Uint8Array(header.length + raw.length);
  file.set(header);
  file.set(raw, header.length);
  return file;
}
