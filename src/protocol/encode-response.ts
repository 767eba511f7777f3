import { toBinaryData } from './binary-data.ts';
import { classify } from './classification.ts';
import type { InferResponse, RequestedOutput } from './infer.ts';
import { toJsonData } from './json-text.ts';
import type { Tensor } from './tensor.ts';

/** A body with the headers that say what it is. */
export interface EncodedBody {
  /** Text for JSON; one buffer for JSON with binary tensors behind it. */
  readonly body: string | Uint8Array;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface EncodeOptions {
  /** Whether outputs that were not requested by name are sent in binary. */
  readonly binaryOutputs: boolean;
  /** Labels of the classes, for the classification extension. */
  readonly labels?: readonly string[] | undefined;
}

const utf8 = new TextEncoder();

/**
 * An inference response as the caller asked for it: JSON, or JSON with binary tensors behind it.
 *
 * @param requested the request's `outputs`; undefined for all, with the default of `binaryOutputs`
 * @throws ServingError INVALID_REQUEST when JSON has no form for a value: the message says to ask for binary
 */
export function encodeInferResponse(
  response: InferResponse,
  requested: readonly RequestedOutput[] | undefined,
  options: EncodeOptions,
): EncodedBody {
  const binaries: Uint8Array[] = [];
  const outputs = response.outputs.map((output) => {
    const wish = requested?.find(({ name }) => name === output.name);
    const tensor = classify(output, wish?.classification ?? 0, options.labels ?? []);
    return encodeTensor(tensor, wish?.binary ?? options.binaryOutputs, binaries);
  });
  const head = JSON.stringify({
    model_name: response.modelName,
    model_version: response.modelVersion,
    id: response.id,
    parameters: Object.keys(response.parameters).length === 0 ? undefined : response.parameters,
  });
  const json = `${head.slice(0, -1)},"outputs":[${outputs.join(',')}]}`;
  if (binaries.length === 0) {
    return { body: json, headers: { 'content-type': 'application/json' } };
  }
  return joinBinary(json, binaries);
}

function encodeTensor(tensor: Tensor, binary: boolean, binaries: Uint8Array[]): string {
  const { name, datatype, shape } = tensor;
  if (binary) {
    const bytes = toBinaryData(tensor);
    binaries.push(bytes);
    return JSON.stringify({
      name,
      datatype,
      shape,
      parameters: { binary_data_size: bytes.byteLength },
    });
  }
  const head = JSON.stringify({ name, datatype, shape });
  return `${head.slice(0, -1)},"data":${toJsonData(tensor)}}`;
}

/** Readers can view tensors in place when the first one starts at a multiple of the largest element. */
const alignmentBytes = 8;

function joinBinary(json: string, binaries: readonly Uint8Array[]): EncodedBody {
  const text = utf8.encode(json);
  const headerBytes = Math.ceil(text.byteLength / alignmentBytes) * alignmentBytes;
  let size = headerBytes;
  for (const bytes of binaries) size += bytes.byteLength;
  const body = new Uint8Array(size);
  body.set(text);
  body.fill(0x20, text.byteLength, headerBytes);
  let offset = headerBytes;
  for (const bytes of binaries) {
    body.set(bytes, offset);
    offset += bytes.byteLength;
  }
  return {
    body,
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': `${headerBytes}`,
    },
  };
}
