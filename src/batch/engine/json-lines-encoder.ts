import type { ModelLease } from '../../models/provider.ts';
import { encodeInferResponse } from '../../protocol/encode-response.ts';
import { rowTexts } from '../../protocol/formats/rows.ts';
import type { Tensor } from '../../protocol/tensor.ts';
import type { Job } from '../job.ts';
import { expandRows, type SourceRecord } from '../source-record.ts';
import { inputJson } from './input-text.ts';
import { findPlaces, literalsBetween } from './json-places.ts';
import type { OutputEncoder } from './output-encoder.ts';
import type { DecodedRequest } from './requests.ts';
import { isWritten, joinLines, type RowLayout, type RowStart, writeRows } from './row-writer.ts';

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
    const texts = rowTexts(outputs, 'ask for output.format csv or parquet');
    return records.map((record, index) => join(record, 'output', texts[index] ?? 'null'));
  };
  return {
    header: undefined,
    response: (record, request, outputs) =>
      join(record, 'output', responseJson(lease, request, outputs)),
    responses: (first) =>
      joinInput || !asksForNumbers(first, lease)
        ? undefined
        : (outputs, requests, ids) => writeResponses(lease, first, outputs, requests, ids),
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

/** Whether all that a request asks for are numbers that rows are written of. */
function asksForNumbers({ outputNames, requested }: DecodedRequest, { session }: ModelLease) {
  const wanted = session.outputs.filter(({ name }) => outputNames.includes(name));
  return (
    wanted.every(({ datatype }) => isWritten(datatype)) &&
    (requested ?? []).every(({ classification }) => classification === 0)
  );
}

/** All responses by the pattern of the first: they differ in their ids and numbers alone. */
function writeResponses(
  lease: ModelLease,
  first: DecodedRequest,
  outputs: readonly Tensor[],
  requests: number,
  ids: readonly Uint8Array[] | undefined,
): Uint8Array | undefined {
  const json = Buffer.from(responseJson(lease, first, ofFirst(outputs, requests)));
  const places = findPlaces(json, 'outputs');
  if (places === undefined) return undefined;
  const [head, ...others] = literalsBetween(json, places).map((bytes) => Buffer.from(bytes));
  const hasIds = places[0]?.kind === 'id';
  const lists = hasIds ? others : [head, ...others];
  if (hasIds !== (ids !== undefined) || lists.length !== outputs.length + 1) return undefined;
  const layout: RowLayout = {
    before: '',
    outputs: outputs.map((_, index) => ({ before: `${lists[index]}`, open: '[', close: ']' })),
    after: `${lists.at(-1)}`,
  };
  const flat = outputs.map((output) => ({
    ...output,
    shape: [requests, output.data.length / requests],
  }));
  const start: RowStart | undefined =
    ids === undefined || head === undefined
      ? undefined
      : (row) => Buffer.concat([head, ids[row] ?? new Uint8Array(0)]);
  return writeRows(flat, requests, layout, start);
}

/** The part of the first of so many requests. */
function ofFirst(outputs: readonly Tensor[], requests: number): readonly Tensor[] {
  if (requests === 1) return outputs;
  return outputs.map((output) => {
    const { shape, data } = output;
    const [rows = requests, ...rest] = shape;
    return {
      ...output,
      shape: [rows / requests, ...rest],
      data: data.slice(0, data.length / requests),
    };
  });
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
