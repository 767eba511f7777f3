import { ServingError } from '../../errors.ts';
import type { EncodedBody } from '../encode-tensor.ts';
import { quote } from '../fields.ts';
import type { InferResponse } from '../infer.ts';
import type { TensorMetadata } from '../tensor.ts';
import { csvFormat } from './csv.ts';
import type { BodyFormat, Invocation } from './format.ts';
import { jsonFormat } from './json.ts';
import { jsonLinesFormat } from './json-lines.ts';
import { negotiateMediaType, parseMediaType } from './media-type.ts';
import { npyFormat } from './npy.ts';
import { octetStreamFormat, sageMakerBinaryFormat } from './octet-stream.ts';

/**
 * The content types of `/invocations`: what SageMaker's containers and their callers have made common, all read into
 * one kind of request and all written from one kind of response.
 */
const formats: readonly BodyFormat[] = [
  jsonFormat,
  jsonLinesFormat,
  csvFormat,
  npyFormat,
  octetStreamFormat,
  sageMakerBinaryFormat,
];

const mediaTypes = formats.flatMap((format) => format.mediaTypes);

/** What the headers of an invocation say. */
export interface InvocationHeaders {
  /** `Content-Type`; JSON when there is none. */
  readonly contentType: string | undefined;
  /** `Accept`; without a preference the answer is of the request's own content type. */
  readonly accept: string | undefined;
  readonly inferenceHeaderContentLength: string | undefined;
}

/** A decoded invocation, and how to write its answer. */
export interface OpenInvocation extends Invocation {
  /**
   * @param labels of the classes, for the classification extension
   * @throws ServingError NOT_ACCEPTABLE or INVALID_REQUEST when the format cannot carry the response
   */
  encode(response: InferResponse, labels?: readonly string[]): EncodedBody;
}

/**
 * Reads an invocation of any known content type. Both formats are settled first: a caller that could not read the
 * answer hears so before the model runs.
 *
 * @param inputs what the model takes
 * @throws ServingError UNSUPPORTED_MEDIA_TYPE, NOT_ACCEPTABLE or INVALID_REQUEST
 */
export async function decodeInvocation(
  body: Uint8Array | string,
  headers: InvocationHeaders,
  inputs: readonly TensorMetadata[],
): Promise<OpenInvocation> {
  const { name, parameters } = parseMediaType(headers.contentType ?? jsonFormat.mediaTypes[0]);
  const format = formatOf(name);
  if (format === undefined) {
    throw new ServingError(
      'UNSUPPORTED_MEDIA_TYPE',
      `Content-Type: expected one of ${mediaTypes.join(', ')}, got ${quote(name)}`,
    );
  }
  const [own] = format.mediaTypes;
  const others = mediaTypes.filter((mediaType) => mediaType !== own);
  const answer = formatOf(negotiateMediaType(headers.accept, [own, ...others])) ?? format;
  const { inferenceHeaderContentLength } = headers;
  const invocation = await format.decode(body, {
    parameters,
    inferenceHeaderContentLength,
    inputs,
  });
  return {
    ...invocation,
    encode: (response, labels = []) => answer.encode({ response, labels, invocation }),
  };
}

function formatOf(mediaType: string): BodyFormat | undefined {
  return formats.find((format) => format.mediaTypes.includes(mediaType));
}
