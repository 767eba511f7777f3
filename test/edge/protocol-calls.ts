import type { Serving } from '../support/serving.ts';
import { jsonOf } from '../support/serving.ts';

/** One row of a model of four columns. */
export const row = { name: 'x', datatype: 'FP32', shape: [1, 4], data: [1, 5, 10, 4] };

/** What a GET is answered with. */
export async function get(serving: Serving, path: string) {
  const response = await serving.call('GET', path);
  return { status: response.statusCode, document: jsonOf(response) };
}

/** What a request to infer is answered with. */
export async function infer(
  serving: Serving,
  model: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
) {
  const response = await serving.call('POST', `/v2/models/${model}/infer`, { body, headers });
  return { status: response.statusCode, headers: response.headers, document: jsonOf(response) };
}
