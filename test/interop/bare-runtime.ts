/**
 * A process of its own that runs cases on onnxruntime-node and nothing else: some of them may kill it.
 * Arguments: the cases, their tensors, the file for the outputs. Gets the number of a case, answers with its outcome.
 */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { elementBytes, viewOf } from '../../src/protocol/datatype.ts';
import type { Datatype } from '../../src/protocol/tensor.ts';
import {
  type BackendCase,
  type BareOutcome,
  readCases,
  type StoredTensor,
  TensorFile,
} from './backend-cases.ts';

// onnxruntime-node 1.30 carries FP16 as Uint16Array, unless the engine has Float16Array: that one arrives empty.
Reflect.deleteProperty(globalThis, 'Float16Array');
const ort = await import('onnxruntime-node');

const [, , casesPath = '', tensorsPath = '', outputsPath = ''] = process.argv;
const cases = readCases(casesPath);
const tensors = new TensorFile(tensorsPath, 'r');
const outputs = new TensorFile(outputsPath, 'a');

const ortTypes: Readonly<Record<Datatype, OrtTensor.Type>> = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
};

/** With the options of src/adapters/onnxruntime, for other ones may round otherwise. */
const options: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
  logSeverityLevel: 4,
};

type Outputs = Readonly<Record<string, OrtTensor>>;

function sizeOf(datatype: Datatype): number {
  return datatype === 'BYTES' ? vectorBytes : elementBytes[datatype];
}

/** @param shiftBytes where in its memory the tensor begins, as near as the size of its elements allows */
function toOrt(tensor: StoredTensor, shiftBytes: number): OrtTensor {
  const { datatype, shape } = tensor;
  if (datatype === 'BYTES') return new ort.Tensor('string', [...tensor.strings], shape);
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  const elementSize = sizeOf(datatype);
  const start = shiftBytes - (shiftBytes % elementSize);
  const buffer = tensors.read(tensor.offset, count * elementSize, start);
  const data = viewOf(datatype, buffer, start, count);
  return new ort.Tensor(ortTypes[datatype] as 'float32', data as Float32Array, shape);
}

function store(name: string, tensor: OrtTensor): StoredTensor {
  const { type, dims, data } = tensor;
  if (Array.isArray(data)) return { name, datatype: 'BYTES', shape: dims, strings: data };
  const datatype = Object.entries(ortTypes).find(([, ortType]) => ortType === type)?.[0];
  if (datatype === undefined || !ArrayBuffer.isView(data)) throw new Error(`output of ${type}`);
  const offset = outputs.append(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return { name, datatype: datatype as Exclude<Datatype, 'BYTES'>, shape: dims, offset };
}

function isSame(left: Outputs, right: Outputs): boolean {
  return Object.entries(left).every(([name, tensor]) => bytesOf(tensor) === bytesOf(right[name]));
}

function bytesOf(tensor: OrtTensor | undefined): string {
  const data = tensor?.data;
  if (!ArrayBuffer.isView(data)) return JSON.stringify(data);
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
}

/** Vector instructions take up to 64 bytes. */
const vectorBytes = 64;
/** The models that take longer do not begin with a sum over an input. */
const shiftingMs = 500;

/**
 * The outputs of a run, and those that differ in last bits when the inputs begin elsewhere in memory: a sum over an
 * input is taken in another order where it does not begin at a multiple of what vector instructions take.
 *
 * @returns undefined when two runs on the same memory differ
 */
async function runVariants(
  session: InferenceSession,
  inputs: readonly StoredTensor[],
): Promise<Outputs[] | undefined> {
  const feeds = (shiftBytes: number) =>
    Object.fromEntries(inputs.map((input) => [input.name, toOrt(input, shiftBytes)]));
  const first = feeds(0);
  const variants: Outputs[] = [await session.run(first)];
  const isKnown = (candidate: Outputs) => variants.some((known) => isSame(known, candidate));
  if (!isKnown(await session.run(first))) return undefined;
  const startedAt = performance.now();
  const step = Math.min(...inputs.map(({ datatype }) => sizeOf(datatype)));
  for (let shiftBytes = step; shiftBytes < vectorBytes; shiftBytes += step) {
    if (performance.now() - startedAt > shiftingMs) break;
    const shifted = await session.run(feeds(shiftBytes));
    if (!isKnown(shifted)) variants.push(shifted);
  }
  return variants;
}

async function runCase({ model, runs }: BackendCase): Promise<BareOutcome> {
  const session = await ort.InferenceSession.create(model, options);
  try {
    const values = [...session.inputMetadata, ...session.outputMetadata];
    if (values.some(({ isTensor }) => !isTensor)) {
      return { failure: 'an input or output is not a tensor' };
    }
    const stored: StoredTensor[][][] = [];
    for (const { inputs } of runs) {
      const tensorInputs: StoredTensor[] = [];
      for (const input of inputs) {
        if ('kind' in input) return { failure: `an input is ${input.kind}` };
        tensorInputs.push(input);
      }
      const variants = await runVariants(session, tensorInputs);
      if (variants === undefined) return { failure: 'its outputs are random' };
      stored.push(
        variants.map((variant) =>
          Object.entries(variant).map(([name, tensor]) => store(name, tensor)),
        ),
      );
    }
    return { outputs: stored };
  } finally {
    await session.release();
  }
}

process.on('message', async (index: number) => {
  const testCase = cases[index];
  if (testCase === undefined) return;
  const outcome = await runCase(testCase).catch(
    (error: Error): BareOutcome => ({ failure: error.message }),
  );
  process.send?.(outcome);
});
process.send?.('ready');
