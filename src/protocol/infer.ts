import type { Tensor } from './tensor.ts';

/** Values that the protocol allows under `parameters`. */
export type Parameters = Readonly<Record<string, string | number | boolean>>;

/** An output that a request asks for, and how it wants it. */
export interface RequestedOutput {
  readonly name: string;
  /** Binary extension: send the tensor after the JSON. */
  readonly binary: boolean;
  /** Classification extension: the n highest values as `value:index[:label]`; 0 for the tensor itself. */
  readonly classification: number;
}

/** A decoded inference request, whatever its encoding on the wire was. */
export interface InferRequest {
  /** Echoed in the response when given. */
  readonly id: string | undefined;
  readonly parameters: Parameters;
  readonly inputs: readonly Tensor[];
  /** What to return; undefined for all outputs of the model. */
  readonly outputs: readonly RequestedOutput[] | undefined;
  /** The default of `binary` for outputs that do not say (`binary_data_output`). */
  readonly binaryOutputs: boolean;
}

/** An inference response before it is encoded. */
export interface InferResponse {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string | undefined;
  readonly parameters: Parameters;
  readonly outputs: readonly Tensor[];
}
