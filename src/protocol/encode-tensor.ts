import { toBinaryData } from './binary-data.ts';
import { toFlatJson } from './json-text.ts';
import type { Tensor } from './tensor.ts';

/** A body with the headers that say what it is. */
export interface EncodedBody {
  /** Text for JSON; one buffer for JSON with binary tensors behind it. */
  readonly body: string | Uint8Array;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A tensor and whether its data goes behind the JSON. */
export interface OutgoingTensor {
  readonly tensor: Tensor;
  readonly binary: boolean;
}

/**
 * A document of the protocol with its tensors.
 *
 * @param document what stands before the tensors; members that are undefined are left out
 * @throws ServingError INVALID_REQUEST when JSON has no form for a value
 */
export function encodeDocument(
  document: Readonly<Record<string, unknown>>,
  member: 'inputs' | 'outputs',
  tensors: readonly OutgoingTensor[],
): EncodedBody {
  const binaries: Uint8Array[] = [];
  const texts = tensors.map(({ tensor, binary }) => encodeTensor(tensor, binary, binaries));
  const head = JSON.stringify(document).slice(0, -1);
  const json = `${head}${head === '{' ? '' : ','}"${member}":[${texts.join(',')}]}`;
  if (binaries.length > 0) return joinBinary(json, binaries);
  return { body: json, headers: { 'content-type': 'application/json' } };
}

function encodeTensor(tensor: Tensor, binary: boolean, binaries: Uint8Array[]): string {
  const { name, datatype, shape } = tensor;
  if (binary) {
    const bytes = toBinaryData(tensor);
    binaries.push(bytes);
    const parameters = { binary_data_size: bytes.byteLength };
    return JSON.stringify({ name, datatype, shape, parameters });
  }
  const head = JSON.stringify({ name, datatype, shape });
  return `${head.slice(0, -1)},"data":${toFlatJson(tensor)}}`;
}

/** Readers can view the first tensor in place when it starts at a multiple of the largest element. */
const alignmentBytes = 8;
const space = 0x20;

function joinBinary(json: string, binaries: readonly Uint8Array[]): EncodedBody {
  const textBytes = Buffer.byteLength(json);
  const headerBytes = Math.ceil(textBytes / alignmentBytes) * alignmentBytes;
  let size = headerBytes;
  for (const bytes of binaries) size += bytes.byteLength;
  const body = Buffer.allocUnsafe(size);
  body.write(json);
  body.fill(space, textBytes, headerBytes);
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
