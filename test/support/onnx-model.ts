import type { Datatype } from '../../src/protocol/tensor.ts';
import {
  encodeModel,
  type Graph,
  type Initializer,
  type Node,
  type ValueInfo,
} from './onnx-protobuf.ts';

/**
 * Small ONNX models made from nothing. They exist so that tests can ask ONNX Runtime itself for every datatype,
 * for rows that do not depend on each other, and for what a hostile record does: kill the process or keep it busy.
 */

/** `y = x`, under other names where they are given. */
export function identityModel(
  datatype: Datatype,
  shape: readonly number[],
  { input = 'x', output = 'y' }: { readonly input?: string; readonly output?: string } = {},
): Uint8Array {
  return encodeModel({
    inputs: [{ name: input, datatype, shape }],
    outputs: [{ name: output, datatype, shape }],
    nodes: [{ operator: 'Identity', inputs: [input], outputs: [output] }],
  });
}

/** `y = x + constant`, elementwise. ONNX Runtime has Add for these four datatypes. */
export function addConstant(
  datatype: 'FP32' | 'FP64' | 'INT32' | 'INT64',
  shape: readonly number[],
  constant: number,
): Uint8Array {
  return encodeModel({
    inputs: [{ name: 'x', datatype, shape }],
    outputs: [{ name: 'y', datatype, shape }],
    initializers: [scalar('c', datatype, constant)],
    nodes: [{ operator: 'Add', inputs: ['x', 'c'], outputs: ['y'] }],
  });
}

/**
 * `y = x + constants` on FP32 `[-1, n]`, with the constants in a file beside the model, as exporters leave the weights
 * of models of more than 2 GB (and PyTorch's newer one those of all).
 */
export function addExternal(
  constants: readonly number[],
  location: string,
): { readonly model: Uint8Array; readonly weights: Uint8Array } {
  const weights = rawBytes(Float32Array.from(constants));
  const shape = [-1, constants.length];
  const model = encodeModel({
    inputs: [{ name: 'x', datatype: 'FP32', shape }],
    outputs: [{ name: 'y', datatype: 'FP32', shape }],
    initializers: [
      {
        name: 'c',
        datatype: 'FP32',
        shape: [constants.length],
        raw: { location, offsetBytes: 0, lengthBytes: weights.byteLength },
      },
    ],
    nodes: [{ operator: 'Add', inputs: ['x', 'c'], outputs: ['y'] }],
  });
  return { model, weights };
}

/** `y = a / b` on whole numbers, the inputs called so or otherwise: the datatype's minimum divided by -1 kills the process (SIGFPE). */
export function intDivModel(
  datatype: 'INT32' | 'INT64' = 'INT32',
  shape: readonly number[] = [-1],
  inputs: readonly [string, string] = ['a', 'b'],
): Uint8Array {
  return encodeModel({
    inputs: inputs.map((name) => ({ name, datatype, shape })),
    outputs: [{ name: 'y', datatype, shape }],
    nodes: [{ operator: 'Div', inputs, outputs: ['y'] }],
  });
}

/**
 * `y = n`, after a loop of as many turns as the sum of `n` (INT64 `[-1]`): about a second for each million, and
 * nothing but the end of the process stops it.
 */
export function loopModel(): Uint8Array {
  const counter: ValueInfo = { name: 'count_in', datatype: 'INT64', shape: [] };
  const body: Graph = {
    inputs: [
      { name: 'turn', datatype: 'INT64', shape: [] },
      { name: 'condition', datatype: 'BOOL', shape: [] },
      counter,
    ],
    outputs: [
      { name: 'condition_out', datatype: 'BOOL', shape: [] },
      { name: 'count_out', datatype: 'INT64', shape: [] },
    ],
    initializers: [scalar('one', 'INT64', 1)],
    nodes: [
      { operator: 'Identity', inputs: ['condition'], outputs: ['condition_out'] },
      { operator: 'Add', inputs: ['count_in', 'one'], outputs: ['count_out'] },
    ],
  };
  return encodeModel({
    inputs: [{ name: 'n', datatype: 'INT64', shape: [-1] }],
    outputs: [{ name: 'y', datatype: 'INT64', shape: [-1] }],
    initializers: [scalar('zero', 'INT64', 0)],
    nodes: [
      { operator: 'ReduceSum', inputs: ['n'], outputs: ['trips'], attributes: { keepdims: 0 } },
      {
        operator: 'Loop',
        inputs: ['trips', '', 'zero'],
        outputs: ['count'],
        attributes: { body },
      },
      // The loop's result takes part in the output, so that no optimiser may leave the loop out.
      { operator: 'Sub', inputs: ['count', 'trips'], outputs: ['nothing'] },
      { operator: 'Add', inputs: ['n', 'nothing'], outputs: ['y'] },
    ],
  });
}

/** `y` is a sequence of `x` alone: no tensor. */
export function sequenceModel(): Uint8Array {
  return encodeModel({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1], isSequence: true }],
    nodes: [{ operator: 'SequenceConstruct', inputs: ['x'], outputs: ['y'] }],
  });
}

/** `y` is `x` transposed: the first dimension of the output is not that of the input. */
export function transposeModel(columns: number): Uint8Array {
  return encodeModel({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, columns] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [columns, -1] }],
    nodes: [{ operator: 'Transpose', inputs: ['x'], outputs: ['y'], attributes: { perm: [1, 0] } }],
  });
}

/**
 * A multilayer perceptron `x` FP32 `[-1, sizes[0]]` to `y` FP32 `[-1, sizes.at(-1)]`, rectified between layers,
 * with weights that are a function of their position: equal sizes give equal bytes.
 */
export function denseModel(sizes: readonly number[]): Uint8Array {
  const initializers: Initializer[] = [];
  const nodes: Node[] = [];
  let current = 'x';
  for (let layer = 1; layer < sizes.length; layer++) {
    const rows = sizes[layer - 1] ?? 0;
    const columns = sizes[layer] ?? 0;
    const last = layer === sizes.length - 1;
    const weights = Float32Array.from(
      { length: rows * columns },
      (_, index) => Math.sin(index * 1.7 + layer) / Math.sqrt(rows),
    );
    initializers.push(
      { name: `w${layer}`, datatype: 'FP32', shape: [rows, columns], raw: rawBytes(weights) },
      {
        name: `b${layer}`,
        datatype: 'FP32',
        shape: [columns],
        raw: rawBytes(Float32Array.from({ length: columns }, (_, index) => Math.cos(index) / 10)),
      },
    );
    nodes.push(
      { operator: 'MatMul', inputs: [current, `w${layer}`], outputs: [`m${layer}`] },
      { operator: 'Add', inputs: [`m${layer}`, `b${layer}`], outputs: [last ? 'y' : `a${layer}`] },
    );
    if (!last) nodes.push({ operator: 'Relu', inputs: [`a${layer}`], outputs: [`r${layer}`] });
    current = `r${layer}`;
  }
  return encodeModel({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, sizes[0] ?? 0] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, sizes.at(-1) ?? 0] }],
    initializers,
    nodes,
  });
}

/** `y` is row `x` (INT64 `[-1]`) of a table of zeros, 1024 wide: a model of so many MiB that is loaded without effort. */
export function heavyModel(weightMiB: number): Uint8Array {
  return encodeModel({
    inputs: [{ name: 'x', datatype: 'INT64', shape: [-1] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1024] }],
    initializers: [
      {
        name: 'table',
        datatype: 'FP32',
        shape: [weightMiB * 256, 1024],
        raw: new Uint8Array(weightMiB * 1024 * 1024),
      },
    ],
    nodes: [{ operator: 'Gather', inputs: ['table', 'x'], outputs: ['y'] }],
  });
}

/** A constant of no dimensions. */
function scalar(
  name: string,
  datatype: 'FP32' | 'FP64' | 'INT32' | 'INT64',
  value: number,
): Initializer {
  const raw = {
    FP32: () => rawBytes(Float32Array.of(value)),
    FP64: () => rawBytes(Float64Array.of(value)),
    INT32: () => rawBytes(Int32Array.of(value)),
    INT64: () => rawBytes(BigInt64Array.of(BigInt(value))),
  }[datatype]();
  return { name, datatype, shape: [], raw };
}

function rawBytes(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
