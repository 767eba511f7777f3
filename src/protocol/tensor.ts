/**
 * Tensors as the Open Inference Protocol names them
 * (kserve/open-inference-protocol, specification/protocol/inference_rest.md, "Tensor Data Types").
 */
export type Datatype =
  | 'BOOL'
  | 'UINT8'
  | 'UINT16'
  | 'UINT32'
  | 'UINT64'
  | 'INT8'
  | 'INT16'
  | 'INT32'
  | 'INT64'
  | 'FP16'
  | 'FP32'
  | 'FP64'
  | 'BYTES';

/** The array that carries each datatype. FP16 travels as raw bits; BYTES as strings, for ONNX strings are UTF-8. */
export interface DatatypeArrays {
  BOOL: Uint8Array;
  UINT8: Uint8Array;
  UINT16: Uint16Array;
  UINT32: Uint32Array;
  UINT64: BigUint64Array;
  INT8: Int8Array;
  INT16: Int16Array;
  INT32: Int32Array;
  INT64: BigInt64Array;
  FP16: Uint16Array;
  FP32: Float32Array;
  FP64: Float64Array;
  BYTES: string[];
}

export type TensorData = DatatypeArrays[Datatype];

/** A named, row-major tensor; `data.length` is the product of `shape`. */
export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** Dimensions, outermost first; `[]` is a scalar. */
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** What a model says of one input or output; -1 is a dimension that varies. */
export interface TensorMetadata {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}
