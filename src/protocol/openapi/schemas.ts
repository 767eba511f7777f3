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

export const string: Schema = { type: 'string' };
export const boolean: Schema = { type: 'boolean' };
export const count: Schema = { type: 'integer', minimum: 0 };

export function listOf(items: Schema): Schema {
  return { type: 'array', items };
}

/** @param required names of the properties that are always there */
export function object(properties: Schema, required: readonly string[] = []): Schema {
  return required.length === 0
    ? { type: 'object', properties }
    : { type: 'object', required, properties };
}

/** The same of an object that has no other properties, in the words that valibot's converter has for one. */
export function strictObject(properties: Schema, required: readonly string[] = []): Schema {
  return { type: 'object', properties, required, additionalProperties: false };
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
    ...count,
    description: 'Bytes of this tensor behind the JSON, in place of `data`.',
  },
});

const outputParameters: Schema = object({
  binary_data: { ...boolean, description: 'Send this output behind the JSON.' },
  classification: {
    ...count,
    description: 'The n highest values as `value:index[:label]` in place of the tensor.',
  },
});

/** What every model's requests and responses of the infer route are made of. */
export const inferSchemas: Readonly<Record<string, Schema>> = {
  Parameters: {
    type: 'object',
    additionalProperties: { type: ['string', 'number', 'boolean'] },
    properties: {
      binary_data_output: { ...boolean, description: 'Send all outputs behind the JSON.' },
      timeout: { ...count, description: 'Microseconds; 0 for none.' },
    },
  },
  TensorParameters: tensorParameters,
  RequestedOutput: object({ name: string, parameters: outputParameters }, ['name']),
  Tensor: object(
    {
      name: string,
      datatype: { enum: datatypes },
      shape: listOf(count),
      parameters: reference('TensorParameters'),
      data: { type: 'array', description: 'Row-major, flat or nested as the shape.' },
    },
    ['name', 'datatype', 'shape'],
  ),
  InferRequest: object(
    {
      id: string,
      parameters: reference('Parameters'),
      inputs: listOf(reference('Tensor')),
      outputs: listOf(reference('RequestedOutput')),
    },
    ['inputs'],
  ),
  InferResponse: object(
    {
      model_name: string,
      model_version: string,
      id: string,
      parameters: reference('Parameters'),
      outputs: listOf(reference('Tensor')),
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
