import { elementBytes } from '../datatype.ts';
import type { Datatype, TensorMetadata } from '../tensor.ts';
import { count, dataSchemaName, reference, type Schema, string } from './schemas.ts';

/** A model as the document describes it. */
export interface DescribedModel {
  readonly name: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

/**
 * A key for `components`, which allows fewer characters than a model's name: every other one, and the escape itself,
 * is written as `_` and its number in hexadecimal, so that two names never share a key.
 */
export function componentKey(name: string): string {
  return Array.from(name, (character) =>
    /[A-Za-z0-9.-]/.test(character)
      ? character
      : `_${(character.codePointAt(0) ?? 0).toString(16)}_`,
  ).join('');
}

/** The schema of requests to one model: its names, datatypes and shapes. */
export function modelRequestSchema(model: DescribedModel): Schema {
  return {
    type: 'object',
    required: ['inputs'],
    properties: {
      id: string,
      parameters: reference('Parameters'),
      inputs: tensorsSchema(model.inputs),
      outputs: {
        type: 'array',
        items: {
          allOf: [
            reference('RequestedOutput'),
            { properties: { name: { enum: model.outputs.map(({ name }) => name) } } },
          ],
        },
      },
    },
    examples: [{ inputs: model.inputs.map(exampleOf) }],
  };
}

/** The schema of one model's responses. */
export function modelResponseSchema(model: DescribedModel): Schema {
  const { outputs } = model;
  return {
    allOf: [
      reference('InferResponse'),
      {
        properties: {
          model_name: { const: model.name },
          // Fewer where the request names some; of another form where it asks for a classification.
          outputs: { type: 'array', minItems: 1, maxItems: outputs.length },
        },
      },
    ],
    description: outputs
      .map(({ name, datatype, shape }) => `\`${name}\` ${datatype} [${shape.join(',')}]`)
      .join(', '),
  };
}

function tensorsSchema(tensors: readonly TensorMetadata[]): Schema {
  return {
    type: 'array',
    minItems: tensors.length,
    maxItems: tensors.length,
    items: { oneOf: tensors.map(tensorSchema) },
  };
}

function tensorSchema({ name, datatype, shape }: TensorMetadata): Schema {
  const data = dataSchemaName(datatype);
  return {
    type: 'object',
    required: ['name', 'datatype', 'shape'],
    properties: {
      name: { const: name },
      datatype: { const: datatype },
      shape: {
        type: 'array',
        prefixItems: shape.map((dimension) => (dimension === -1 ? count : { const: dimension })),
        minItems: shape.length,
        maxItems: shape.length,
      },
      parameters: reference('TensorParameters'),
      ...(data === undefined ? {} : { data: reference(data) }),
    },
  };
}

/** Elements that an example spells out; a larger tensor is shown in its binary form. */
const exampleElements = 32;

/** A tensor that the model takes: 1 for every dimension that varies, and nothing but zeros. */
function exampleOf({ name, datatype, shape: dimensions }: TensorMetadata): Schema {
  const shape = dimensions.map((dimension) => (dimension === -1 ? 1 : dimension));
  const elements = shape.reduce((product, dimension) => product * dimension, 1);
  if (datatype !== 'FP16' && elements <= exampleElements) {
    return { name, shape, datatype, data: new Array(elements).fill(exampleElement(datatype)) };
  }
  // An empty string is its length alone.
  const bytesEach = datatype === 'BYTES' ? 4 : elementBytes[datatype];
  return { name, shape, datatype, parameters: { binary_data_size: elements * bytesEach } };
}

function exampleElement(datatype: Datatype): unknown {
  if (datatype === 'BYTES') return '';
  return datatype === 'BOOL' ? false : 0;
}
