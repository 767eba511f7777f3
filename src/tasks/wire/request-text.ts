import { invalidRequest } from '../../errors.ts';
import { refuseLongText } from '../../protocol/body.ts';
import type { CsvReader } from '../ports.ts';
import type { PredictInput, PredictInputKind } from '../predictor.ts';
import { decodeUtf8 } from './bytes.ts';
import { isJsonRequest, type MediaReference, parsePredictRequest } from './request.ts';

/**
 * The request of a prediction as JSON, whatever its content type is: JSON as it came, and the raw thing as the JSON that
 * asks for the same.
 *
 * @throws ServingError as `parsePredictRequest` does; INVALID_REQUEST for a thing that the task does not take;
 *   PAYLOAD_TOO_LARGE for one that is too large as JSON
 */
export async function predictRequestText(
  body: Uint8Array,
  contentType: string | undefined,
  accepts: PredictInputKind,
  csv: CsvReader,
): Promise<string> {
  const { inputs } = await parsePredictRequest({ body, contentType }, accepts, csv);
  if (isJsonRequest(contentType)) return decodeUtf8(body, 'body');
  const other = inputs.find(({ kind }) => kind !== accepts);
  if (other !== undefined) throw invalidRequest('Content-Type', `that of ${accepts}`, other.kind);
  const text = JSON.stringify({ inputs: inputs.map(inputValue) });
  // Bytes and cells of CSV grow as JSON, and its reader would refuse what is longer than a text may be.
  refuseLongText(Buffer.byteLength(text), 'body as JSON');
  return text;
}

function inputValue(input: PredictInput | MediaReference): unknown {
  switch (input.kind) {
    case 'image':
    case 'audio':
      return { base64: Buffer.from(input.bytes).toString('base64') };
    case 'text':
      return { text: input.text };
    case 'row':
      return input.row;
    case 'tensors':
      return input.values;
    case 'reference':
    case 'pixels':
      throw new Error(`no content type stands for ${input.kind}`);
  }
}
