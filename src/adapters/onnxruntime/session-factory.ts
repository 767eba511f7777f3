import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { ServingError } from '../../errors.ts';
import type { Session, SessionFactory, SessionOptions } from '../../models/session.ts';
import type { Datatype, Tensor, TensorData, TensorMetadata } from '../../protocol/tensor.ts';
import { describeRuntimeFailure } from './failure.ts';

/** ONNX Runtime's names of the datatypes that its JavaScript binding carries (onnxruntime-common, Tensor.Type). */
const datatypeOfOrt = {
  bool: 'BOOL',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  string: 'BYTES',
} as const satisfies Partial<Record<OrtTensor.Type, Datatype>>;

type OrtType = keyof typeof datatypeOfOrt;

const ortOfDatatype: Readonly<Record<Datatype, OrtType>> = {
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

/**
 * Makes sessions by path: a buffer would cost one more copy of the model.
 *
 * @param executionProviders in order of preference; one that this build of ONNX Runtime does not have is refused when a
 *   session is made
 */
export function createSessionFactory(
  executionProviders: readonly string[] = ['cpu'],
): SessionFactory {
  return { create: (path, options) => createSession(path, options, executionProviders) };
}

async function createSession(
  path: string,
  options: SessionOptions,
  executionProviders: readonly string[],
): Promise<Session> {
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(path, {
      ...sessionOptions(options),
      executionProviders,
    });
  } catch (cause) {
    throw new ServingError(
      'MODEL_UNAVAILABLE',
      `ONNX Runtime cannot load it: ${describeRuntimeFailure(cause)}`,
      { cause },
    );
  }
  try {
    return new OnnxRuntimeSession(session);
  } catch (cause) {
    await session.release();
    throw cause;
  }
}

function sessionOptions(options: SessionOptions): InferenceSession.SessionOptions {
  return {
    executionMode: 'sequential',
    intraOpNumThreads: options.intraOpThreads,
    interOpNumThreads: 1,
    graphOptimizationLevel: options.graphOptimization,
    // 4: fatal alone. What fails is thrown as well, and told to the caller and the logs in our own words.
    logSeverityLevel: 4,
  };
}

class OnnxRuntimeSession implements Session {
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  readonly #session: InferenceSession;
  #released = false;

  constructor(session: InferenceSession) {
    this.#session = session;
    this.inputs = session.inputMetadata.map((metadata) => tensorMetadata('input', metadata));
    this.outputs = session.outputMetadata.map((metadata) => tensorMetadata('output', metadata));
  }

  async run(feeds: readonly Tensor[], outputNames: readonly string[]): Promise<Tensor[]> {
    // Without a prototype, in which an input called `__proto__` would get lost.
    const ortFeeds: Record<string, OrtTensor> = Object.create(null);
    for (const tensor of feeds) {
      refuseZeroCharacter(tensor);
      ortFeeds[tensor.name] = toOrtTensor(tensor);
    }
    let results: InferenceSession.ReturnType;
    try {
      results = await this.#session.run(ortFeeds, outputNames);
    } catch (cause) {
      // Names, datatypes, ranks and sizes were validated before: what is left is what the values did inside the graph.
      throw new ServingError(
        'INVALID_REQUEST',
        `inputs: the model cannot run on these values: ${describeRuntimeFailure(cause)}`,
        { cause },
      );
    }
    return outputNames.map((name) => fromOrtTensor(name, results[name]));
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.#session.release();
  }
}

function tensorMetadata(
  kind: 'input' | 'output',
  metadata: InferenceSession.ValueMetadata,
): TensorMetadata {
  if (kind === 'output' && metadata.name === '__proto__') {
    throw new ServingError(
      'MODEL_UNAVAILABLE',
      'output __proto__: the binding of ONNX Runtime cannot answer by that name; give the output another',
    );
  }
  if (!metadata.isTensor) {
    throw new ServingError(
      'MODEL_UNAVAILABLE',
      `${kind} ${metadata.name} is not a tensor (sequence, map and optional types have no form in the protocol)` +
        (kind === 'output' ? '; for a classifier of scikit-learn, export it with zipmap off' : ''),
    );
  }
  return {
    name: metadata.name,
    datatype: datatypeOf(metadata.name, metadata.type),
    shape: metadata.shape.map((dimension) => (typeof dimension === 'number' ? dimension : -1)),
  };
}

function isOrtType(type: OrtTensor.Type): type is OrtType {
  return type in datatypeOfOrt;
}

function datatypeOf(name: string, type: OrtTensor.Type): Datatype {
  if (isOrtType(type)) return datatypeOfOrt[type];
  throw new ServingError(
    'MODEL_UNAVAILABLE',
    `tensor ${name} has type ${type}, which has no form in the protocol`,
  );
}

/** Strings cross the binding as C strings (onnxruntime-node 1.30): what follows a U+0000 would be lost without a word. */
function refuseZeroCharacter({ name, data }: Tensor): void {
  if (!Array.isArray(data)) return;
  const place = data.findIndex((text) => text.includes('\0'));
  if (place < 0) return;
  throw new ServingError(
    'INVALID_REQUEST',
    `input ${name}: element ${place} holds the character U+0000, which ONNX Runtime cannot carry`,
  );
}

function toOrtTensor(tensor: Tensor): OrtTensor {
  const type = ortOfDatatype[tensor.datatype];
  // The constructor's overloads tie type and array together one by one; `Datatype` and `TensorData` do the same here.
  const ortTensor = new OrtTensor(type as 'float32', tensor.data as Float32Array, tensor.shape);
  // Where the engine has Float16Array (Node 24) the constructor views the bits as one, which Node-API cannot read: the
  // native side sees zero bytes (onnxruntime-node 1.30). It takes the raw bits as it does on an older Node.
  if (tensor.datatype === 'FP16') Reflect.set(ortTensor, 'cpuData', tensor.data);
  return ortTensor;
}

function fromOrtTensor(name: string, tensor: OrtTensor | undefined): Tensor {
  if (tensor === undefined) {
    throw new ServingError('MODEL_UNAVAILABLE', `output ${name} was not computed`);
  }
  const datatype = datatypeOf(name, tensor.type);
  return { name, datatype, shape: tensor.dims, data: tensorData(datatype, tensor.data) };
}

function tensorData(datatype: Datatype, data: OrtTensor['data']): TensorData {
  // Where the engine has Float16Array the binding answers with it; the protocol carries the raw bits.
  if (datatype === 'FP16' && ArrayBuffer.isView(data)) {
    return new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  }
  return data as TensorData;
}
