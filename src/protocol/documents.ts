import type { Datatype, TensorMetadata } from './tensor.ts';

/** The body of every error (Open Inference Protocol, "Inference Response JSON Error Object"). */
export interface ErrorDocument {
  readonly error: string;
}

export function errorDocument(message: string): ErrorDocument {
  return { error: message };
}

/** Names of Triton's extensions, as its server metadata spells them. */
export type Extension =
  | 'binary_tensor_data'
  | 'classification'
  | 'model_configuration'
  | 'model_repository'
  | 'model_repository(unload_dependents)'
  | 'parameters'
  | 'schedule_policy'
  | 'statistics';

/** `GET /v2`. */
export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly Extension[];
}

/** `GET /v2/models/{model}`. */
export interface ModelMetadata {
  readonly name: string;
  /** Left out for a server without versions. */
  readonly versions?: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  readonly properties?: Readonly<Record<string, string>>;
}

/** The protocol's own name for ONNX models; Triton answers `onnxruntime_onnx`. */
const onnxPlatform = 'onnx_onnxv1';
/** Of a model that is a graph of others, as Triton's `ensemble` is. */
export const pipelinePlatform = 'pilotlight_pipeline';

/** Builds `ModelMetadata`; only the protocol's own fields of each tensor are sent. */
export function modelMetadata(
  model: Omit<ModelMetadata, 'platform'> & { readonly platform?: string },
): ModelMetadata {
  const tensor = ({ name, datatype, shape }: TensorMetadata) => ({ name, datatype, shape });
  return {
    ...model,
    platform: model.platform ?? onnxPlatform,
    inputs: model.inputs.map(tensor),
    outputs: model.outputs.map(tensor),
  };
}

/** `GET /v2/models/{model}/ready`, for clients that read more than the status. */
export interface ModelReadiness {
  readonly name: string;
  readonly ready: boolean;
}

/** One version in the answer of `POST /v2/repository/index`. */
export interface RepositoryIndexEntry {
  readonly name: string;
  readonly version?: string;
  readonly state: 'READY' | 'UNAVAILABLE' | 'LOADING' | 'UNLOADING';
  /** Why the state is what it is; empty when there is nothing to say. */
  readonly reason: string;
}

/** A tensor in Triton's model configuration. */
export interface ConfiguredTensor {
  readonly name: string;
  /** `TYPE_FP32`, and `TYPE_STRING` for BYTES. */
  readonly data_type: string;
  /** Without the first dimension when the model batches. */
  readonly dims: readonly number[];
}

/** Which versions may be called, in Triton's words. */
export type VersionPolicyDocument =
  | { readonly all: Readonly<Record<string, never>> }
  | { readonly latest: { readonly num_versions: number } }
  | { readonly specific: { readonly versions: readonly string[] } };

/** `GET /v2/models/{model}/config`: the part of Triton's ModelConfig that has a meaning here. */
export interface ModelConfigDocument {
  readonly name: string;
  readonly platform: 'onnxruntime_onnx' | typeof pipelinePlatform;
  /** Empty for a pipeline, as for Triton's ensembles. */
  readonly backend: 'onnxruntime' | '';
  readonly version_policy: VersionPolicyDocument;
  /** 0 when the dims of the tensors say everything. */
  readonly max_batch_size: number;
  readonly input: readonly ConfiguredTensor[];
  readonly output: readonly ConfiguredTensor[];
  readonly default_model_filename: string;
}

/**
 * Builds a model's configuration as Triton shows it.
 *
 * @param model.maxBatchSize rows of one run. Triton's batching takes the first dimension of every tensor away, which
 * is true to the model only where all of them vary there: elsewhere 0 is shown
 */
export function modelConfigDocument(model: {
  readonly name: string;
  readonly maxBatchSize: number;
  readonly versionPolicy: VersionPolicyDocument;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  readonly fileName: string;
}): ModelConfigDocument {
  const batches = [...model.inputs, ...model.outputs].every(({ shape }) => shape[0] === -1);
  const tensor = ({ name, datatype, shape }: TensorMetadata): ConfiguredTensor => ({
    name,
    data_type: configDatatype(datatype),
    dims: batches ? shape.slice(1) : shape,
  });
  return {
    name: model.name,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    version_policy: model.versionPolicy,
    max_batch_size: batches ? model.maxBatchSize : 0,
    input: model.inputs.map(tensor),
    output: model.outputs.map(tensor),
    default_model_filename: model.fileName,
  };
}

/** The same of a pipeline, which has one version, no tensors and no file but its configuration. */
export function pipelineConfigDocument(name: string): ModelConfigDocument {
  return {
    name,
    platform: pipelinePlatform,
    backend: '',
    version_policy: { latest: { num_versions: 1 } },
    max_batch_size: 0,
    input: [],
    output: [],
    default_model_filename: '',
  };
}

function configDatatype(datatype: Datatype): string {
  return datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`;
}
