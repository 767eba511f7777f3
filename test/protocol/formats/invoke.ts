import { decodeInvocation } from '../../../src/protocol/formats/invocation.ts';
import type { Datatype, Tensor, TensorMetadata } from '../../../src/protocol/tensor.ts';

export function input(
  name: string,
  datatype: Datatype,
  ...shape: readonly number[]
): TensorMetadata {
  return { name, datatype, shape };
}

export const table = [input('x', 'FP32', -1, 2)];
export const columns = [input('age', 'INT64', -1, 1), input('city', 'BYTES', -1, 1)];

export interface Answer {
  readonly inputs: readonly Tensor[];
  readonly contentType: string | undefined;
  readonly body: string | Uint8Array;
}

/** Sends a body and has `outputs`, or else the inputs themselves, answered. */
export async function invoke(
  body: string | Uint8Array,
  model: readonly TensorMetadata[],
  headers: { readonly contentType?: string; readonly accept?: string } = {},
  outputs?: readonly Tensor[],
): Promise<Answer> {
  const invocation = await decodeInvocation(
    body,
    {
      contentType: headers.contentType,
      accept: headers.accept,
      inferenceHeaderContentLength: undefined,
    },
    model,
  );
  const { inputs } = invocation.request;
  const answer = await invocation.encode({
    modelName: 'm',
    modelVersion: '1',
    id: undefined,
    parameters: {},
    outputs: outputs ?? inputs,
  });
  return { inputs, contentType: answer.headers['content-type'], body: answer.body };
}

/** What most bodies here come to. */
export const twoRows = [
  { name: 'x', datatype: 'FP32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
];
