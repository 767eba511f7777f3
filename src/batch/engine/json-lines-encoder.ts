import type { ModelLease } from '../../models/provider.ts';
import { encodeInferResponse } from '../../protocol/encode-response.ts';
import { rowTexts } from '../../protocol/formats/rows.ts';
import type { Tensor } from '../../protocol/tensor.ts';
import type { Job } from '../job.ts';
import { expandRows, type SourceRecord } from '../source-record.ts';
import { inputJson } from './input-text.ts';
import type { OutputEncoder } from './output-encoder.ts';
import type { DecodedRequest } from './requests.ts';
import { joinLines, type RowLayout, writeRows } from './row-writer.ts';

/**
 * JSON lines: for a request the response, for a row the outputs (the value itself of one, an object by name of
 * several), for what a task takes the prediction; pictures and sound are named by their key. With the input joined,
 * each is an object with `input` beside it.
 */
export function createJsonLinesEncoder(job: Job, lease: ModelLease): OutputEncoder {
  const { joinInput } = job.output;
  const join = (record: SourceRecord, member: string, json: string) =>
    joinInput ? `{"input":${inputJson(record)},"${member}":${json}}` : json;
  const rows: OutputEncoder['rows'] = (records, outputs) => {
    const texts = rowTexts(outputs);
    return records.map((record, index) => join(record, 'output', texts[index] ?? 'null'));
  };
  return {
    header: undefined,
    response: (record, request, outputs) =>
      join(record, 'output', responseJson(lease, request, outputs)),
    rows,
    block: (record, outputs) =>
      (joinInput ? undefined : writeRows(outputs, record.count, jsonLayout(outputs))) ??
      joinLines(rows(expandRows(record), outputs)),
    prediction: (record, json) => {
      const { content, origin } = record;
      if (content.kind !== 'object') return join(record, 'prediction', json);
      return `{"key":${JSON.stringify(origin?.object.key ?? '')},"prediction":${json}}`;
    },
  };
}

/** As `rowTexts` has it: the value itself of one output, an object by name of several. */
function jsonLayout(outputs: readonly Tensor[]): RowLayout {
  const isSole = outputs.length === 1;
  return {
    before: isSole ? '' : '{',
    outputs: outputs.map(({ name }, index) => ({
      before: isSole ? '' : `${index === 0 ? '' : ','}${JSON.stringify(name)}:`,
      open: '[',
      close: ']',
    })),
    after: isSole ? '' : '}',
  };
}

function responseJson(
  { pinned, labels }: ModelLease,
  request: DecodedRequest,
  outputs: readonly Tensor[],
): string {
  const response = {
    modelName: pinned.model,
    modelVersion: pinned.version,
    id: request.id,
    parameters: {},
    outputs,
  };
  const options = { binaryOutputs: false, labels };
  const { body } = encodeInferResponse(response, request.requested, options);
  return typeof body === 'string' ? body : Buffer.from(body).toString();
}
