import { readFileSync } from 'node:fs';
import type { Serving } from '../support/serving.ts';

/** A file of the examples. */
export const example = (path: string) =>
  readFileSync(new URL(`../../examples/${path}`, import.meta.url));

/** A pipeline of one step, over the example `digits`. */
export const digitPipeline = {
  type: 'pipeline',
  steps: [{ name: 'digit', operation: 'predict', model: 'digits', images: 'request' }],
  output: { items: ['digit'] },
};

/** Publishes `digits` and the pipeline over it, `graph`. */
export async function putDigitPipeline(serving: Serving): Promise<void> {
  await serving.put('digits/1/model.onnx', example('models/digits/1/model.onnx'));
  await serving.put('digits/config.json', example('models/digits/config.json'));
  await serving.put('graph/config.json', JSON.stringify({ task: digitPipeline }));
}
