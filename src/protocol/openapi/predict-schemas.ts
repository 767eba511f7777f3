import { object, type Schema, strictObject, string } from './schemas.ts';

/** Requests and answers of the predict route in JSON. */
export const predictSchemas: Readonly<Record<string, Schema>> = {
  PredictRequest: strictObject(
    {
      inputs: {
        description:
          'One input or a list: a picture or sound as base64, `{"base64": ...}` or `{"s3": ...}`; a text, or `{"text": ...}`; a row as an object, or `{"columns": [...], "data": [[...]]}`; tensors by name.',
        type: ['string', 'object', 'array'],
      },
      parameters: strictObject({
        top_k: { type: 'integer', minimum: 1, description: 'Classes to list.' },
        threshold: { type: 'number', minimum: 0, maximum: 1 },
      }),
    },
    ['inputs'],
  ),
  PredictResponse: object(
    {
      model_name: string,
      model_version: string,
      task: string,
      predictions: {
        type: 'array',
        minItems: 1,
        description: 'One for each input, as the task answers.',
      },
    },
    ['model_name', 'model_version', 'task', 'predictions'],
  ),
};
