import type { CsvReader, ImageDecoder } from '../ports.ts';
import type { PredictContext, PredictInput, Predictor } from '../predictor.ts';
import { decodeUtf8 } from './bytes.ts';
import { type MediaReference, type PredictBody, parsePredictRequest } from './request.ts';
import { encodeAnswer, negotiateAnswer, type PredictAnswer } from './response.ts';

/** A prediction's HTTP request, free of its transport. */
export interface PredictCall extends PredictBody {
  readonly accept: string | undefined;
}

export interface PredictServices {
  readonly csv: CsvReader;
  readonly images: ImageDecoder;
  /**
   * The object that a request refers to.
   *
   * @throws ServingError NOT_FOUND, PAYLOAD_TOO_LARGE, or INVALID_REQUEST for a bucket that callers may not name
   */
  fetchObject(bucket: string, key: string): Promise<Uint8Array>;
}

/**
 * Answers `POST /v2/models/{m}/predict`: reads the request, predicts, encodes the answer.
 *
 * @throws ServingError 4xx that names the field or input
 */
export async function handlePredict(
  predictor: Predictor,
  model: { readonly name: string; readonly version: string },
  call: PredictCall,
  context: PredictContext,
  services: PredictServices,
): Promise<PredictAnswer> {
  const format = negotiateAnswer(call.accept, predictor.task);
  const { csv, images } = services;
  const request = await parsePredictRequest(call, predictor.accepts, csv);
  const inputs = await Promise.all(
    request.inputs.map((input) => fetchInput(input, services, call.maximumTextBytes)),
  );
  const predictions = await predictor.predict(inputs, request.parameters, context);
  const source = { modelName: model.name, modelVersion: model.version, task: predictor.task };
  return encodeAnswer(source, inputs, predictions, format, images);
}

async function fetchInput(
  input: PredictInput | MediaReference,
  services: PredictServices,
  maximumTextBytes: number | undefined,
): Promise<PredictInput> {
  if (input.kind !== 'reference') return input;
  const bytes = await services.fetchObject(input.bucket, input.key);
  if (input.accepts === 'text') {
    return { kind: 'text', text: decodeUtf8(bytes, 'object', maximumTextBytes) };
  }
  return { kind: input.accepts, bytes };
}
