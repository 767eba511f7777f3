import { decodeInferResponse } from '../src/protocol/decode-response.ts';
import { encodeInferRequest } from '../src/protocol/encode-request.ts';
import type { InferResponse, Parameters } from '../src/protocol/infer.ts';
import type { Tensor, TensorMetadata } from '../src/protocol/tensor.ts';

export interface InferenceClientOptions {
  /** Where the API is, such as `http://127.0.0.1:8080`. */
  readonly endpoint: string;
  /** Sent with each call, such as an `authorization`. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes the calls: pass one that signs for an endpoint with IAM. @default the runtime's own */
  readonly fetch?: typeof fetch;
}

export interface InferOptions {
  /** Version or alias. @default what the model's version policy picks */
  readonly version?: string;
  /** Names of the outputs to return. @default all */
  readonly outputs?: readonly string[];
  readonly parameters?: Parameters;
}

/** What a model says of itself. */
export interface ModelDescription {
  readonly name: string;
  readonly versions: readonly string[];
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

/** An answer that is not a success: its status, and the message of its body. */
export class InferenceError extends Error {
  override readonly name = 'InferenceError';
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

/** A typed client of the Open Inference Protocol that sends and gets tensors in binary. */
export class InferenceClient {
  readonly #options: InferenceClientOptions;

  constructor(options: InferenceClientOptions) {
    this.#options = options;
  }

  /** @throws InferenceError with the server's status and message */
  async infer(
    model: string,
    inputs: readonly Tensor[],
    options: InferOptions = {},
  ): Promise<InferResponse> {
    const { body, headers } = encodeInferRequest(
      {
        id: undefined,
        parameters: options.parameters ?? {},
        inputs,
        outputs: options.outputs?.map((name) => ({ name, binary: true, classification: 0 })),
        binaryOutputs: true,
      },
      { binary: true },
    );
    const response = await this.#call('POST', `${modelPath(model, options.version)}/infer`, {
      headers,
      body,
    });
    return decodeInferResponse(new Uint8Array(await response.arrayBuffer()), {
      inferenceHeaderContentLength:
        response.headers.get('inference-header-content-length') ?? undefined,
    });
  }

  /** @throws InferenceError with the server's status and message */
  async describe(model: string, version?: string): Promise<ModelDescription> {
    const response = await this.#call('GET', modelPath(model, version));
    // The document is the protocol's own; a server that sends another is not one.
    return (await response.json()) as ModelDescription;
  }

  async #call(
    method: string,
    path: string,
    request: {
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
    } = {},
  ): Promise<Response> {
    const { endpoint, headers, fetch: send = fetch } = this.#options;
    const response = await send(new URL(path, endpoint), {
      method,
      headers: { ...headers, ...request.headers },
      ...(request.body === undefined
        ? {}
        : { body: request.body as NonNullable<RequestInit['body']> }),
    });
    if (response.ok) return response;
    throw new InferenceError(response.status, messageOf(await response.text()));
  }
}

function modelPath(model: string, version: string | undefined): string {
  const path = `/v2/models/${encodeURIComponent(model)}`;
  return version === undefined ? path : `${path}/versions/${encodeURIComponent(version)}`;
}

/** The protocol says `error`, API Gateway says `message`. */
function messageOf(text: string): string {
  try {
    const document: unknown = JSON.parse(text);
    const { error, message } = Object(document);
    return String(error ?? message ?? text);
  } catch {
    return text;
  }
}
