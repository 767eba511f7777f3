import { invalidRequest, ServingError } from '../errors.ts';
import { parseBinaryData } from './binary-data.ts';
import type { BinarySection } from './body.ts';
import { is64BitInteger, isDatatype } from './datatype.ts';
import {
  describe,
  isAbsent,
  parseArray,
  parseCount,
  parseName,
  parseObject,
  quote,
} from './fields.ts';
import { parseJsonData } from './json-data.ts';
import type { JsonDocument } from './json-document.ts';
import { parseTensorParameters } from './parameters.ts';
import { countElements, parseShape } from './shape.ts';
import type { Datatype, Tensor, TensorData } from './tensor.ts';

/**
 * The tensors of a document: `inputs` of a request or `outputs` of a response.
 * All bytes of `binary` must be used, in the order of the tensors that name a size.
 *
 * @throws ServingError INVALID_REQUEST
 */
export function decodeTensors(
  document: JsonDocument,
  member: 'inputs' | 'outputs',
  binary: BinarySection,
): readonly Tensor[] {
  const names = new Set<string>();
  const tensors = membersOf(document.root, member).map((value, index) => {
    const field = `${member}[${index}]`;
    const object = parseObject(value, field);
    const name = parseName(object['name'], `${field}.name`);
    refuseDuplicate(names, name, field);
    const datatype = parseDatatype(object['datatype'], `${field}.datatype`);
    const shape = parseShape(object['shape'], `${field}.shape`);
    const count = countElements(shape, `${field}.shape`);
    const parameters = parseTensorParameters(object['parameters'], `${field}.parameters`);
    const binaryDataSize = parameters['binary_data_size'];
    let data: TensorData;
    if (binaryDataSize === undefined) {
      const source = is64BitInteger(datatype)
        ? parseObject(membersOf(document.exactRoot(), member)[index], field)
        : object;
      data = decodeJsonData(source['data'], name, datatype, shape, count, field);
    } else {
      if (!isAbsent(object['data'])) {
        throw invalidRequest(field, 'either data or parameters.binary_data_size', 'both');
      }
      const sizeField = `${field}.parameters.binary_data_size`;
      const bytes = binary.take(parseCount(binaryDataSize, sizeField), sizeField);
      data = parseBinaryData(bytes, datatype, count, sizeField);
    }
    return { name, datatype, shape, data };
  });
  binary.end();
  return tensors;
}

function membersOf(root: unknown, member: 'inputs' | 'outputs'): readonly unknown[] {
  return parseArray(parseObject(root, 'body')[member], member);
}

function decodeJsonData(
  value: unknown,
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  count: number,
  field: string,
): TensorData {
  if (datatype === 'FP16') {
    // In the words of Triton's own server (http_server.cc).
    throw new ServingError(
      'INVALID_REQUEST',
      `${field}.data: sending FP16 data via JSON is not supported. Please use the binary data format for input ${quote(name)}`,
    );
  }
  return parseJsonData(value, datatype, shape, count, `${field}.data`);
}

/** @throws ServingError INVALID_REQUEST when `names` has the name already */
export function refuseDuplicate(names: Set<string>, name: string, field: string): void {
  if (names.has(name)) {
    throw invalidRequest(`${field}.name`, 'each name once', `${quote(name)} again`);
  }
  names.add(name);
}

function parseDatatype(value: unknown, field: string): Datatype {
  if (typeof value === 'string' && isDatatype(value)) return value;
  throw invalidRequest(field, 'a datatype such as FP32, INT64 or BYTES', describe(value));
}
