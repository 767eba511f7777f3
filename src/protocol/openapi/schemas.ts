import { datatypes } from '../datatype.ts';
import type { Datatype } from '../tensor.ts';

/** A JSON Schema (draft 2020-12, as OpenAPI 3.1 has it) or another part of the document. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

export function reference(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** Flat or nested data of elements. */
function dataOf(name: string, element: Schema): Schema {
  return { type: 'array', items: { anyOf: [element, reference(name)] } };
}

const string: Schema = { type: 'string' };
const boolean: Schema = { type: 'boolean' };

/** @param required names of the properties that are always there */
export function object(properties: Schema, required: readonly string[] = []): Schema {
  return required.length === 0
    ? { type: 'object', properties }
    : { type: 'object', required, properties };
}

/** The schema of a tensor's `data` in JSON; undefined for FP16, which travels in binary only. */
export function dataSchemaName(datatype: Datatype): string | undefined {
  switch (datatype) {
    case 'FP16':
      return undefined;
    case 'BOOL':
      return 'BooleanData';
    case 'BYTES':
      return 'StringData';
    case 'FP32':
    case 'FP64':
      return 'NumberData';
    case 'INT64':
    case 'UINT64':
      return 'LongIntegerData';
    default:
      return 'IntegerData';
  }
}

const tensorParameters: Schema = object({
  binary_data_size: {
    type: 'integer',
    minimum: 0,
    description: 'Bytes of this tensor behind the JSON, in place of `data`.',
  },
});

const outputParameters: Schema = object({
  binary_data: { type: 'boolean', description: 'Send this output behind the JSON.' },
  classification: {
    type: 'integer',
    minimum: 0,
    description: 'The n highest values as `value:index[:label]` in place of the tensor.',
  },
});

/** What every model's requests and responses of the infer route are made of. */
export const inferSchemas: Readonly<Record<string, Schema>> = {
  Parameters: {
    type: 'object',
    additionalProperties: { type: ['string', 'number', 'boolean'] },
    properties: {
      binary_data_output: { type: 'boolean', description: 'Send all outputs behind the JSON.' },
      timeout: { type: 'integer', minimum: 0, description: 'Microseconds; 0 for none.' },
    },
  },
  TensorParameters: tensorParameters,
  RequestedOutput: object({ name: string, parameters: outputParameters }, ['name']),
  Tensor: object(
    {
      name: string,
      datatype: { enum: datatypes },
      shape: { type: 'array', items: { type: 'integer', minimum: 0 } },
      parameters: reference('TensorParameters'),
      data: { type: 'array', description: 'Row-major, flat or nested as the shape.' },
    },
    ['name', 'datatype', 'shape'],
  ),
  InferRequest: object(
    {
      id: string,
      parameters: reference('Parameters'),
      inputs: { type: 'array', items: reference('Tensor') },
      outputs: { type: 'array', items: reference('RequestedOutput') },
    },
    ['inputs'],
  ),
  InferResponse: object(
    {
      model_name: string,
      model_version: string,
      id: string,
      parameters: reference('Parameters'),
      outputs: { type: 'array', items: reference('Tensor') },
    },
    ['model_name', 'outputs'],
  ),
  BooleanData: dataOf('BooleanData', boolean),
  IntegerData: dataOf('IntegerData', { type: 'integer' }),
  LongIntegerData: dataOf('LongIntegerData', {
    anyOf: [{ type: 'integer' }, { type: 'string', pattern: '^-?\\d{1,20}$' }],
  }),
  NumberData: dataOf('NumberData', { type: 'number' }),
  StringData: dataOf('StringData', string),
};
