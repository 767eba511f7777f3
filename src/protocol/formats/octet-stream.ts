import { inferenceHeaderContentLengthHeader } from '../body.ts';
import { decodeInferRequest } from '../decode-request.ts';
import { encodeInferResponse } from '../encode-response.ts';
import type { EncodedBody } from '../encode-tensor.ts';
import type { Answer, BodyFormat, DecodeContext, Invocation } from './format.ts';

/**
 * Raw bytes of a model's only input, or JSON and binary tensors where the header of the binary extension says so.
 * Answered by the binary extension, which tells names, datatypes and shapes.
 */
export const octetStreamFormat: BodyFormat = {
  mediaTypes: ['application/octet-stream'],
  decode(body: Uint8Array | string, context: DecodeContext): Invocation {
    const { inferenceHeaderContentLength } = context;
    if (inferenceHeaderContentLength !== undefined) {
      return openInference(body, inferenceHeaderContentLength, context);
    }
    const invocation = openInference(body, '0', context);
    // Binary is what this format answers by itself: a caller that would rather have JSON asked for its numbers in it.
    return { ...invocation, request: { ...invocation.request, binaryOutputs: false } };
  },
  encode: encodeBinary,
};

/** The parameter of SageMaker's media type that says what the header of the binary extension says elsewhere. */
const jsonHeaderSize = 'json-header-size';
const sageMakerBinary = 'application/vnd.sagemaker-triton.binary+json';

/** The binary extension as clients of SageMaker's Triton containers send it, where no header of theirs arrives. */
export const sageMakerBinaryFormat: BodyFormat = {
  mediaTypes: [sageMakerBinary],
  decode(body: Uint8Array | string, context: DecodeContext): Invocation {
    return openInference(body, context.parameters.get(jsonHeaderSize), context);
  },
  encode(answer: Answer): EncodedBody {
    const { body, headers } = encodeBinary(answer);
    const size = headers[inferenceHeaderContentLengthHeader.toLowerCase()] ?? `${body.length}`;
    return { body, headers: { 'content-type': `${sageMakerBinary};${jsonHeaderSize}=${size}` } };
  },
};

function openInference(
  body: Uint8Array | string,
  inferenceHeaderContentLength: string | undefined,
  { inputs }: DecodeContext,
): Invocation {
  const request = decodeInferRequest(body, { inferenceHeaderContentLength }, inputs);
  return { request, layout: 'open-inference', withHeader: false };
}

function encodeBinary({ response, invocation, labels }: Answer): EncodedBody {
  const outputs = invocation.request.outputs?.map((output) => ({ ...output, binary: true }));
  return encodeInferResponse(response, outputs, { binaryOutputs: true, labels });
}
