import type { EncodedBody } from '../encode-tensor.ts';
import type { InferRequest, InferResponse } from '../infer.ts';
import type { TensorMetadata } from '../tensor.ts';

/**
 * How an answer is laid out:
 * - `open-inference`: a document of the Open Inference Protocol
 * - `rows`: one value for each row (`predictions`, lines)
 * - `columns`: one value for each output (`outputs`)
 */
export type AnswerLayout = 'open-inference' | 'rows' | 'columns';

/** A request that came in some format, and what its answer has to look like. */
export interface Invocation {
  readonly request: InferRequest;
  readonly layout: AnswerLayout;
  /** Whether the rows came under a line of column names, and so are to go. */
  readonly withHeader: boolean;
}

/** What a format gets to read a body with. */
export interface DecodeContext {
  /** Parameters of the `Content-Type`, in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly inferenceHeaderContentLength: string | undefined;
  /** Of text. @default 8 MiB, what a call may have */
  readonly maximumTextBytes?: number;
  /** What the model takes. */
  readonly inputs: readonly TensorMetadata[];
}

/** What a format gets to write an answer with. */
export interface Answer {
  readonly response: InferResponse;
  /** Labels of the classes, for the classification extension. */
  readonly labels: readonly string[];
  /** What is answered. */
  readonly invocation: Invocation;
}

/** One content type of `/invocations`, both ways. */
export interface BodyFormat {
  /** The first is what answers are labelled with; all in lower case. */
  readonly mediaTypes: readonly [string, ...string[]];
  /** @throws ServingError INVALID_REQUEST */
  decode(body: Uint8Array | string, context: DecodeContext): Invocation | Promise<Invocation>;
  /** @throws ServingError NOT_ACCEPTABLE when the format cannot carry the outputs, INVALID_REQUEST for values it cannot */
  encode(answer: Answer): EncodedBody;
}

/** A request of which only the tensors are known. */
export function bareRequest(inputs: InferRequest['inputs'], binaryOutputs = false): InferRequest {
  return { id: undefined, parameters: {}, inputs, outputs: undefined, binaryOutputs };
}
