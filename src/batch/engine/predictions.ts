import { isUtf8 } from 'node:buffer';
import { ServingError, toServingError } from '../../errors.ts';
import type { CsvReader } from '../../tasks/ports.ts';
import {
  defaultParameters,
  type PredictInput,
  type Predictor,
  type Row,
} from '../../tasks/predictor.ts';
import { predictionJson } from '../../tasks/wire/response.ts';
import type { Runnable } from '../run-together.ts';
import type { RecordContent, SourceRecord } from '../source-record.ts';
import { decodeRecord } from './decode-record.ts';
import type { Engine, RecordOutcome, TaskContext } from './engine.ts';
import { predictContextOf, refusal } from './predict-context.ts';
import { inNumbers } from './table-row.ts';

/** Raw things (pictures, sound, sentences, rows) through the task that the model declares. */
export class PredictionEngine implements Engine {
  readonly takesBlocks = false;
  readonly #context: TaskContext;

  constructor(context: TaskContext) {
    this.#context = context;
  }

  async transform(records: readonly SourceRecord[]): Promise<RecordOutcome[]> {
    const { model, predictor, encoder } = this.#context;
    const { images, csv } = await this.#context.services();
    const contents = await readCsvRows(
      csv,
      records.map(({ content }) => content),
    );
    const prepared = contents.map((content, index) => this.#inputOf(content, records[index]));
    const inputs = prepared.filter((one): one is PredictInput => !(one instanceof ServingError));
    const settled = await predictor.predictEach(
      inputs,
      defaultParameters,
      predictContextOf(model, this.#context),
    );
    const results = settled.values();
    const outcomes: RecordOutcome[] = [];
    for (const [index, record] of records.entries()) {
      const input = prepared[index];
      if (input instanceof ServingError) {
        outcomes.push({ error: input });
        continue;
      }
      const result = results.next().value;
      try {
        if (result?.ok !== true) throw result?.error;
        const json = await predictionJson(result.prediction, images);
        outcomes.push({ line: encoder.prediction(record, json) });
      } catch (thrown) {
        outcomes.push({ error: refusal(model, thrown) });
      }
    }
    return outcomes;
  }

  /** Tasks put inputs together themselves, within the model's limit. */
  async sample(): Promise<Runnable[]> {
    return [];
  }

  #inputOf(content: RecordContent, record: SourceRecord | undefined): PredictInput | ServingError {
    const { predictor, isOfTexts } = this.#context;
    try {
      return toPredictInput(content, predictor.accepts, record !== undefined && isOfTexts(record));
    } catch (thrown) {
      return toServingError(thrown);
    }
  }
}

function toPredictInput(
  content: RecordContent,
  accepts: Predictor['accepts'],
  isOfTexts: boolean,
): PredictInput {
  switch (content.kind) {
    case 'unreadable':
      throw content.error;
    case 'object':
      if (accepts === 'image' || accepts === 'audio') {
        return { kind: accepts, bytes: content.bytes };
      }
      if (accepts === 'text') return { kind: 'text', text: decodeRecord(content.bytes) };
      throw unexpected(accepts, 'an object');
    case 'line': {
      const text = decodeRecord(content.bytes);
      return isOfTexts && accepts === 'text' ? { kind: 'text', text } : fromLine(text, accepts);
    }
    case 'csv':
      throw new Error('lines of CSV are read beforehand');
    case 'row':
      return fromRow(inNumbers(content.row), accepts);
    case 'lines':
      throw new Error('lines that came together are told apart first');
    case 'array':
      throw unexpected(accepts, 'a row of an array');
  }
}

/** A line is a text, or JSON: a string, or an object with a member `text`, or the row itself. */
function fromLine(line: string, accepts: Predictor['accepts']): PredictInput {
  const json = line.startsWith('{') || line.startsWith('"') ? parseJson(line) : line;
  if (accepts === 'text' && typeof json === 'string') return { kind: 'text', text: json };
  if (typeof json === 'object' && json !== null) return fromRow(json as Row, accepts);
  throw unexpected(accepts, 'a line of text');
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new ServingError('INVALID_REQUEST', 'record: expected JSON, got something else', {
      cause,
    });
  }
}

function fromRow(row: Row, accepts: Predictor['accepts']): PredictInput {
  if (accepts === 'row') return { kind: 'row', row };
  if (accepts === 'tensors') return { kind: 'tensors', values: row };
  const text = row['text'];
  if (accepts === 'text' && typeof text === 'string') return { kind: 'text', text };
  throw unexpected(accepts, 'a row');
}

function unexpected(accepts: Predictor['accepts'], got: string): ServingError {
  return new ServingError('INVALID_REQUEST', `record: expected ${accepts}, got ${got}`);
}

/** Lines of CSV as rows: all at once, and when one of them is not as the others each by itself. */
async function readCsvRows(
  csv: CsvReader,
  given: readonly RecordContent[],
): Promise<readonly RecordContent[]> {
  const contents = given.map((content) =>
    content.kind === 'csv' && !isUtf8(content.bytes) ? notUtf8 : content,
  );
  const lines = contents.filter((content) => content.kind === 'csv');
  const [first] = lines;
  if (first === undefined) return contents;
  const rows = (await readRows(csv, lines)).values();
  return contents.map((content) =>
    content.kind === 'csv' ? (rows.next().value ?? content) : content,
  );
}

async function readRows(csv: CsvReader, lines: readonly CsvLine[]): Promise<RecordContent[]> {
  const [first] = lines;
  if (first === undefined) return [];
  const text = [first.header, ...lines.map(({ bytes }) => Buffer.from(bytes).toString())];
  try {
    const rows = await csv.read(text.join('\n'));
    if (rows.length === lines.length)
      return rows.map((row) => ({ kind: 'row', row, features: [] }));
  } catch (thrown) {
    if (lines.length === 1) return [{ kind: 'unreadable', error: toServingError(thrown) }];
  }
  const middle = Math.ceil(lines.length / 2);
  if (lines.length === 1) return [{ kind: 'unreadable', error: notOneRow }];
  return [
    ...(await readRows(csv, lines.slice(0, middle))),
    ...(await readRows(csv, lines.slice(middle))),
  ];
}

type CsvLine = Extract<RecordContent, { readonly kind: 'csv' }>;

const notUtf8: RecordContent = {
  kind: 'unreadable',
  error: new ServingError('INVALID_REQUEST', 'record: expected CSV in UTF-8, got other bytes'),
};

const notOneRow = new ServingError('INVALID_REQUEST', 'record: expected one row of CSV');
