import * as v from 'valibot';
import { invalidRequest, ServingError } from '../../errors.ts';
import {
  describe,
  isObject,
  type JsonObject,
  parseArray,
  parseObject,
  quote,
} from '../../protocol/fields.ts';
import { parseMediaType } from '../../protocol/formats/media-type.ts';
import type { CsvReader } from '../ports.ts';
import {
  defaultParameters,
  type PredictInput,
  type PredictInputKind,
  type PredictParameters,
} from '../predictor.ts';
import { decodeBase64, decodeUtf8 } from './bytes.ts';

/** Media that stand somewhere else, to be fetched before the prediction. */
export interface MediaReference {
  readonly kind: 'reference';
  readonly accepts: 'image' | 'audio' | 'text';
  readonly bucket: string;
  readonly key: string;
}

export interface PredictRequest {
  readonly inputs: readonly (PredictInput | MediaReference)[];
  readonly parameters: PredictParameters;
}

/** A prediction's request as it came. */
export interface PredictBody {
  /** The header; undefined counts as JSON. */
  readonly contentType: string | undefined;
  readonly body: Uint8Array;
  /** Of text, in the body and in each object that it refers to. @default 8 MiB, what a call may have */
  readonly maximumTextBytes?: number;
}

/** Inputs of one call: more is a transform job. */
const maxInputs = 4096;
/** Of them that are to be fetched: they are in memory together. */
const maxReferences = 32;

/** What a caller may change for one request, as it stands in JSON. */
export const parametersSchema = v.strictObject({
  top_k: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  threshold: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
});

/**
 * Reads the body of a prediction by its content type.
 *
 * @param accepts the kind of input that the model's task takes: it says what text in JSON is
 * @throws ServingError INVALID_REQUEST, UNSUPPORTED_MEDIA_TYPE or PAYLOAD_TOO_LARGE
 */
export async function parsePredictRequest(
  { body, contentType, maximumTextBytes }: PredictBody,
  accepts: PredictInputKind,
  csv: CsvReader,
): Promise<PredictRequest> {
  if (isJsonRequest(contentType)) {
    return parseJsonRequest(decodeUtf8(body, 'body', maximumTextBytes), accepts);
  }
  const { name, parameters } = parseMediaType(contentType ?? '');
  const whole = (inputs: readonly PredictInput[]) => ({ inputs, parameters: defaultParameters });
  if (name.startsWith('image/')) return whole([{ kind: 'image', bytes: body }]);
  if (isAudio(name)) return whole([{ kind: 'audio', bytes: body }]);
  if (name === 'application/octet-stream' && (accepts === 'image' || accepts === 'audio')) {
    return whole([{ kind: accepts, bytes: body }]);
  }
  if (name === 'text/plain' || name === 'text/csv') {
    const charset = parameters.get('charset') ?? 'utf-8';
    if (charset !== 'utf-8' && charset !== 'us-ascii') {
      throw new ServingError(
        'UNSUPPORTED_MEDIA_TYPE',
        `Content-Type: expected charset utf-8, got ${quote(charset)}`,
      );
    }
    const text = decodeUtf8(body, 'body', maximumTextBytes);
    if (name === 'text/plain') return whole([{ kind: 'text', text }]);
    const rows = await csv.read(text, maxInputs + 1);
    checkCount(rows.length);
    return whole(rows.map((row) => ({ kind: 'row', row })));
  }
  throw new ServingError(
    'UNSUPPORTED_MEDIA_TYPE',
    `Content-Type: expected image/*, audio/*, text/plain, text/csv or application/json, got ${quote(name)}`,
  );
}

/** Whether a media type is one of sound: Ogg has had an older one than `audio/ogg`. */
export function isAudio(mediaType: string): boolean {
  return mediaType.startsWith('audio/') || mediaType === 'application/ogg';
}

/** @param contentType the header; undefined counts as JSON */
export function isJsonRequest(contentType: string | undefined): boolean {
  const { name } = parseMediaType(contentType ?? 'application/json');
  return name === 'application/json' || name.endsWith('+json');
}

function checkCount(count: number): void {
  if (count === 0) throw invalidRequest('inputs', 'at least one', 'none');
  if (count > maxInputs) throw invalidRequest('inputs', `at most ${maxInputs}`, 'more');
}

/** `{"inputs": ..., "parameters": {"top_k": 3, "threshold": 0.5}}`, the names of Hugging Face's inference API. */
function parseJsonRequest(text: string, accepts: PredictInputKind): PredictRequest {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new ServingError('INVALID_REQUEST', 'body: expected JSON, got something else', { cause });
  }
  const request = parseObject(document, 'body');
  const unknown = Object.keys(request).find(
    (field) => field !== 'inputs' && field !== 'parameters',
  );
  if (unknown !== undefined) throw invalidRequest('body', 'inputs and parameters', quote(unknown));
  if (request['inputs'] === undefined) throw invalidRequest('inputs', 'a value', 'nothing');
  const inputs = parseInputs(request['inputs'], accepts);
  checkCount(inputs.length);
  const references = inputs.filter((input) => input.kind === 'reference').length;
  if (references > maxReferences) {
    throw invalidRequest('inputs', `at most ${maxReferences} S3 references`, `${references}`);
  }
  return { inputs, parameters: parseParameters(request['parameters']) };
}

function parseParameters(value: unknown): PredictParameters {
  if (value === undefined) return defaultParameters;
  const result = v.safeParse(parametersSchema, value);
  if (result.success) {
    return { topK: result.output.top_k, threshold: result.output.threshold };
  }
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new ServingError(
    'INVALID_REQUEST',
    `parameters${path === null ? '' : `.${path}`}: ${issue.message}`,
  );
}

function parseInputs(value: unknown, accepts: PredictInputKind): PredictRequest['inputs'] {
  switch (accepts) {
    case 'tensors':
      return [{ kind: 'tensors', values: parseObject(value, 'inputs') }];
    case 'row':
      return parseRows(value).map((row) => ({ kind: 'row', row }));
    case 'text':
      return list(value).map(({ item, field }) => parseText(item, field));
    case 'audio':
      return list(value).map(({ item, field }) => parseMedia(item, field, 'audio'));
    case 'image':
    case 'pixels':
      return list(value).map(({ item, field }) => parseMedia(item, field, 'image'));
  }
}

function list(value: unknown): { readonly item: unknown; readonly field: string }[] {
  if (!Array.isArray(value)) return [{ item: value, field: 'inputs' }];
  checkCount(value.length);
  return value.map((item: unknown, index) => ({ item, field: `inputs[${index}]` }));
}

/** Rows as objects, one or several, or `{"columns": [...], "data": [[...]]}`. */
function parseRows(value: unknown): JsonObject[] {
  if (isObject(value) && Array.isArray(value['columns']) && Array.isArray(value['data'])) {
    const columns = value['columns'].map((name: unknown, index) => {
      if (typeof name === 'string') return name;
      throw invalidRequest(`inputs.columns[${index}]`, 'a name', describe(name));
    });
    checkCount(value['data'].length);
    return value['data'].map((cells: unknown, row) => {
      const field = `inputs.data[${row}]`;
      const values = parseArray(cells, field);
      if (values.length !== columns.length) {
        throw invalidRequest(field, `${columns.length} values`, `${values.length}`);
      }
      return Object.fromEntries(columns.map((name, index) => [name, values[index]]));
    });
  }
  return list(value).map(({ item, field }) => parseObject(item, field));
}

function parseText(item: unknown, field: string): PredictInput | MediaReference {
  if (typeof item === 'string') return { kind: 'text', text: item };
  if (isObject(item) && typeof item['text'] === 'string') {
    return { kind: 'text', text: item['text'] };
  }
  if (isObject(item) && typeof item['s3'] === 'string') {
    return parseReference(item['s3'], `${field}.s3`, 'text');
  }
  throw invalidRequest(field, 'text, {"text": ...} or {"s3": ...}', describe(item));
}

function parseMedia(
  item: unknown,
  field: string,
  kind: 'image' | 'audio',
): PredictInput | MediaReference {
  if (typeof item === 'string') return { kind, bytes: decodeBase64(item, field) };
  if (isObject(item) && typeof item['base64'] === 'string') {
    return { kind, bytes: decodeBase64(item['base64'], `${field}.base64`) };
  }
  if (isObject(item) && typeof item['s3'] === 'string') {
    return parseReference(item['s3'], `${field}.s3`, kind);
  }
  throw invalidRequest(field, 'base64, {"base64": ...} or {"s3": ...}', describe(item));
}

function parseReference(
  uri: string,
  field: string,
  accepts: MediaReference['accepts'],
): MediaReference {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.{1,1024})$/su.exec(uri);
  const [, bucket, key] = match ?? [];
  if (bucket === undefined || key === undefined) {
    throw invalidRequest(field, 's3://bucket/key', describe(uri));
  }
  return { kind: 'reference', accepts, bucket, key };
}
