import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { denseModel } from '../../../test/support/onnx-model.ts';
import type { LoadRequest } from '../../http-load.ts';
import { pseudoRandom } from '../../measure.ts';

/** A model that servers are compared with, and the input that they are sent. */
export interface ServedModel {
  readonly name: string;
  readonly onnx: Uint8Array;
  readonly input: Float32Array;
}

/** 30 features in and 2 classes out; an image of 224 by 224 in and 10 classes out. */
export const servedModels: { readonly small: ServedModel; readonly image: ServedModel } = {
  small: { name: 'small', onnx: denseModel([30, 64, 32, 2]), input: pseudoRandom(30) },
  image: {
    name: 'image',
    onnx: denseModel([150_528, 10]),
    // Four decimals, as clients that write JSON send images.
    input: pseudoRandom(150_528).map((value) => Math.round(value * 1e4) / 1e4),
  },
};

/** `<model>.onnx` for each, where servers find them. */
export function writeModels(folder: string): void {
  for (const { name, onnx } of Object.values(servedModels)) {
    writeFileSync(join(folder, `${name}.onnx`), onnx);
  }
}

export const modelNames: readonly string[] = Object.values(servedModels).map(({ name }) => name);

/** JSON of the Open Inference Protocol. */
export function jsonRequest(url: string, { input }: ServedModel): LoadRequest {
  const data = Array.from(input, (value) => Number(value.toFixed(4)));
  const tensor = { name: 'x', datatype: 'FP32', shape: [1, input.length], data };
  return {
    url,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: [tensor] }),
  };
}

/** The Open Inference Protocol's binary tensor extension, in and out. */
export function binaryRequest(url: string, { input }: ServedModel): LoadRequest {
  const bytes = bytesOf(input);
  const tensor = {
    name: 'x',
    datatype: 'FP32',
    shape: [1, input.length],
    parameters: { binary_data_size: bytes.byteLength },
  };
  const head = JSON.stringify({ inputs: [tensor], parameters: { binary_data_output: true } });
  return {
    url,
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': `${Buffer.byteLength(head)}`,
    },
    body: Buffer.concat([Buffer.from(head), bytes]),
  };
}

/** The tensor's bytes and nothing else. */
export function rawRequest(url: string, { input }: ServedModel): LoadRequest {
  return {
    url,
    headers: { 'content-type': 'application/octet-stream' },
    body: bytesOf(input),
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
