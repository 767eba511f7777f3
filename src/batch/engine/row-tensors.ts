import { invalidRequest, ServingError } from '../../errors.ts';
import { stackTensors } from '../../inference/stacking.ts';
import { quote } from '../../protocol/fields.ts';
import { convertData } from '../../protocol/formats/convert.ts';
import { csvFormat } from '../../protocol/formats/csv.ts';
import { fitShape } from '../../protocol/formats/fit-shape.ts';
import type { BodyFormat } from '../../protocol/formats/format.ts';
import { jsonLinesFormat } from '../../protocol/formats/json-lines.ts';
import { soleInput } from '../../protocol/raw-request.ts';
import type { Tensor, TensorMetadata } from '../../protocol/tensor.ts';
import type { RecordContent, SourceRecord } from '../source-record.ts';
import { csvFields } from '../sources/csv-fields.ts';
import { isBlank, type LineBlock } from '../sources/line-block.ts';
import { decodeRecord } from './decode-record.ts';
import { plainCsvTensors, plainJsonTensors } from './plain-rows.ts';
import { refuseColumnCount, tableTensors } from './table-tensors.ts';

const newline = Buffer.from('\n');

/**
 * Rows as tensors, one for each input of the model, with a row for each record.
 *
 * @param records of one kind
 * @param isOfTexts whether a line is of an object of texts: for a model of one text nothing but a text then
 * @throws ServingError INVALID_REQUEST when a row is not as the model takes it, or lines of text and of JSON come together
 */
export async function decodeRows(
  records: readonly SourceRecord[],
  inputs: readonly TensorMetadata[],
  isOfTexts: (record: SourceRecord) => boolean,
): Promise<readonly Tensor[]> {
  const contents = records.map(({ content }) => content);
  const [first] = contents;
  switch (first?.kind) {
    case 'line':
      return areTexts(records, inputs, isOfTexts)
        ? textTensors(contents, inputs)
        : decodeWith(jsonLinesFormat, joinLines(contents), inputs, new Map());
    case 'csv': {
      const rows = joinLines(soleInputIsText(inputs) ? contents.map(quoteBlank) : contents);
      const body = Buffer.concat([Buffer.from(`${first.header}\n`), rows]);
      if (records.length === 1) refuseFieldCount(first.header, rows, inputs);
      return decodeWith(csvFormat, body, inputs, new Map([['header', 'present']]));
    }
    case 'row': {
      const rows = contents.flatMap((content) => (content.kind === 'row' ? [content] : []));
      return tableTensors(rows, inputs);
    }
    case 'array':
      return [arrayTensor(contents, soleInput(inputs))];
    default:
      throw new ServingError(
        'INVALID_REQUEST',
        'record: expected rows, got an object; a model that takes pictures or sound declares a task',
      );
  }
}

async function decodeWith(
  format: BodyFormat,
  body: Uint8Array,
  inputs: readonly TensorMetadata[],
  parameters: ReadonlyMap<string, string>,
): Promise<readonly Tensor[]> {
  // What a record may have was looked at when it was read.
  const maximumTextBytes = Number.POSITIVE_INFINITY;
  const context = { parameters, inferenceHeaderContentLength: undefined, maximumTextBytes, inputs };
  return (await format.decode(body, context)).request.inputs;
}

/** @throws ServingError INVALID_REQUEST for a row that has not as many fields as there are names, or as the only input takes */
function refuseFieldCount(
  header: string,
  row: Uint8Array,
  [sole, ...others]: readonly TensorMetadata[],
): void {
  const columns = csvFields(header);
  const names = columns?.length;
  const fields = csvFields(Buffer.from(row).toString())?.length;
  if (columns === undefined || names === undefined || fields === undefined) return;
  if (names === fields) {
    if (sole !== undefined && others.length === 0) refuseColumnCount(columns, sole);
    return;
  }
  const separator = names === 1 ? /[;\t|]/.exec(header)?.[0] : undefined;
  const advice = separator === undefined ? '' : `; a comma parts columns, not ${quote(separator)}`;
  const expected = `${names} ${names === 1 ? 'field' : 'fields'} as the line that names the columns has`;
  throw invalidRequest('row', expected, `${fields}${advice}`);
}

function joinLines(contents: readonly RecordContent[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const content of contents) {
    if (content.kind === 'line' || content.kind === 'csv') pieces.push(content.bytes, newline);
  }
  return Buffer.concat(pieces);
}

const emptyField = Buffer.from('""');

/** A blank line in the only column of CSV is an empty text, as it is in a block, where a reader of CSV skips it. */
function quoteBlank(content: RecordContent): RecordContent {
  if (content.kind !== 'csv' || !isBlank(content.bytes, 0, content.bytes.byteLength))
    return content;
  return { ...content, bytes: emptyField };
}

function soleInputIsText([sole, ...others]: readonly TensorMetadata[]): boolean {
  return others.length === 0 && sole?.datatype === 'BYTES';
}

/**
 * Lines that came together as tensors.
 *
 * @returns undefined when they have to be told apart
 */
export function decodeLines(
  lines: LineBlock,
  header: string | undefined,
  inputs: readonly TensorMetadata[],
): readonly Tensor[] | undefined {
  return header === undefined
    ? plainJsonTensors(lines, inputs)
    : plainCsvTensors(header, lines, inputs);
}

/** What a line is must not depend on its neighbours: those of both kinds are told apart. */
function areTexts(
  records: readonly SourceRecord[],
  inputs: readonly TensorMetadata[],
  isOfTexts: (record: SourceRecord) => boolean,
): boolean {
  const takesText = soleInputIsText(inputs);
  const texts = records.filter(
    (record) => (takesText && isOfTexts(record)) || looksLikeText(record.content),
  ).length;
  if (texts === 0 || texts === records.length) return texts > 0;
  throw new ServingError('INVALID_REQUEST', 'record: expected lines of text or of JSON, got both');
}

/** A line of JSON begins like one; anything else is a text. */
function looksLikeText(content: RecordContent): boolean {
  if (content.kind !== 'line') return false;
  const { bytes } = content;
  const first = String.fromCharCode(bytes[0] ?? 0);
  return !/[\s[{"\d\-tfn]/.test(first);
}

function textTensors(
  contents: readonly RecordContent[],
  inputs: readonly TensorMetadata[],
): readonly Tensor[] {
  const input = soleInput(inputs);
  if (input.datatype !== 'BYTES') {
    throw new ServingError('INVALID_REQUEST', 'record: expected a line of JSON, got a text');
  }
  const data = contents.flatMap((content) =>
    content.kind === 'line' ? decodeRecord(content.bytes) : [],
  );
  const shape = [data.length, ...input.shape.slice(1).map(() => 1)];
  return [{ name: input.name, datatype: 'BYTES', shape, data }];
}

function arrayTensor(contents: readonly RecordContent[], input: TensorMetadata): Tensor {
  const blocks = contents.flatMap((content) =>
    content.kind === 'array' ? [[{ ...content.tensor, name: input.name }]] : [],
  );
  const [array] = stackTensors(blocks);
  if (array === undefined) throw new ServingError('INTERNAL', 'internal error');
  // A model that has no rows takes the one that came as it is.
  const hasRows = input.shape.length === array.shape.length;
  return {
    name: input.name,
    datatype: input.datatype,
    shape: hasRows ? array.shape : fitShape(array.shape.slice(1), input, 'row'),
    data: convertData(array, input.datatype, 'row'),
  };
}
