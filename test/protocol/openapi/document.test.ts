import { toJsonSchema } from '@valibot/to-json-schema';
import { describe, expect, it } from 'vitest';
import { decodeInferRequest } from '../../../src/protocol/decode-request.ts';
import { isObject } from '../../../src/protocol/fields.ts';
import { openApiDocument } from '../../../src/protocol/openapi/document.ts';
import { componentKey, type DescribedModel } from '../../../src/protocol/openapi/model-schemas.ts';
import { validateInputs } from '../../../src/protocol/validate.ts';
import { parametersSchema } from '../../../src/tasks/wire/request.ts';
import { faultsOf } from '../../support/openapi.ts';

const models: readonly DescribedModel[] = [
  {
    name: 'Größe v1_2',
    inputs: [
      { name: 'x', datatype: 'FP32', shape: [-1, 4] },
      { name: 'when', datatype: 'INT64', shape: [] },
      { name: 'on', datatype: 'BOOL', shape: [2] },
      { name: 'text', datatype: 'BYTES', shape: [-1] },
    ],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
  },
  {
    name: 'image',
    inputs: [
      { name: 'pixels', datatype: 'FP32', shape: [-1, 3, 224, 224] },
      { name: 'half', datatype: 'FP16', shape: [1] },
      { name: 'words', datatype: 'BYTES', shape: [100] },
    ],
    outputs: [],
  },
];

/** Every value in the document under the key. */
function valuesOf(key: string, node: unknown): readonly unknown[] {
  if (Array.isArray(node)) return node.flatMap((element) => valuesOf(key, element));
  if (!isObject(node)) return [];
  return Object.entries(node).flatMap(([name, value]) => [
    ...(name === key ? [value] : []),
    ...valuesOf(key, value),
  ]);
}

function schemasOf(document: unknown) {
  const [components] = valuesOf('components', document);
  const [schemas] = valuesOf('schemas', components);
  return isObject(schemas) ? schemas : {};
}

const withoutDescription = (key: string, value: unknown) =>
  key === 'description' ? undefined : value;

describe('the OpenAPI document', () => {
  // As callers see it.
  const document: unknown = JSON.parse(
    JSON.stringify(openApiDocument({ version: '1', models, pipelines: ['Seiten & Zeilen'] })),
  );
  const schemas = schemasOf(document);

  it('refers to schemas that are there, by keys that OpenAPI allows', () => {
    const references = valuesOf('$ref', document);
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) {
      const name = String(reference).replace('#/components/schemas/', '');
      expect(Object.keys(schemas)).toContain(name);
    }
    for (const key of Object.keys(schemas)) expect(key).toMatch(/^[A-Za-z0-9._-]+$/);
  });

  it('is one of OpenAPI 3.1', () => {
    expect(faultsOf(document)).toEqual([]);
  });

  it('has a path and a pair of schemas for each model, and a path for each pipeline', () => {
    expect(document).toHaveProperty(['paths', '/v2/models/Seiten%20%26%20Zeilen/predict', 'post']);
    expect(document).toHaveProperty(['paths', '/v2/models/Gr%C3%B6%C3%9Fe%20v1_2/infer', 'post']);
    const key = componentKey('Größe v1_2');
    expect(key).toBe('Gr_f6__df_e_20_v1_5f_2');
    expect(schemas[`InferRequest.${key}`]).toMatchObject({
      properties: {
        inputs: {
          minItems: 4,
          items: {
            oneOf: [
              {
                properties: {
                  name: { const: 'x' },
                  datatype: { const: 'FP32' },
                  shape: { prefixItems: [{ type: 'integer', minimum: 0 }, { const: 4 }] },
                  data: { $ref: '#/components/schemas/NumberData' },
                },
              },
              {},
              {},
              {},
            ],
          },
        },
      },
    });
    expect(schemas[`InferResponse.${key}`]).toMatchObject({ description: '`y` FP32 [-1,2]' });
  });

  it('tells the parameters of the predict route as they are read', () => {
    const { $schema: _, ...read } = toJsonSchema(parametersSchema);
    const [parameters] = valuesOf('parameters', schemas['PredictRequest']);
    expect(parameters).toMatchObject({
      properties: { top_k: { description: expect.any(String) } },
    });
    expect(JSON.parse(JSON.stringify(parameters, withoutDescription))).toEqual(read);
  });

  it('shows examples that the server takes', () => {
    for (const model of models) {
      const schema = schemas[`InferRequest.${componentKey(model.name)}`];
      const [[example] = []] = valuesOf('examples', schema) as unknown[][];
      const text = JSON.stringify(example);
      const sizes = valuesOf('binary_data_size', example).map(Number);
      const tail = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
      const options = { inferenceHeaderContentLength: `${text.length}` };
      const request = decodeInferRequest(Buffer.concat([Buffer.from(text), tail]), options, []);
      validateInputs(request.inputs, model.inputs);
    }
  });
});
