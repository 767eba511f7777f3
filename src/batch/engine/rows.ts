import { type ErrorCode, ServingError } from '../../errors.ts';
import { countRows, isStackable } from '../../inference/stacking.ts';
import type { Tensor } from '../../protocol/tensor.ts';
import { validateInputs } from '../../protocol/validate.ts';
import type { Runnable } from '../run-together.ts';
import { expandRows, type SourceRecord, sliceRows } from '../source-record.ts';
import type { Engine, RawContext, RecordOutcome } from './engine.ts';
import { decodeLines, decodeRows } from './row-tensors.ts';

/**
 * Rows of the model's tensors: lines of JSON or CSV, rows of a table or an array. They are decoded, run and encoded
 * many at a time, for each by itself would cost more than most models that take them; when that fails, the halves
 * are tried, down to the row that is at fault.
 */
export class RowEngine implements Engine {
  readonly takesBlocks = true;
  readonly #context: RawContext;
  readonly #stackable: boolean;
  readonly #names: readonly string[];

  constructor(context: RawContext) {
    this.#context = context;
    const { session } = context.lease;
    this.#stackable = isStackable(session.inputs, session.outputs);
    this.#names = context.job.output.names ?? session.outputs.map(({ name }) => name);
  }

  async transform(records: readonly SourceRecord[], rowsPerRun: number): Promise<RecordOutcome[]> {
    const together = this.#stackable ? rowsPerRun : 1;
    const outcomes: RecordOutcome[] = [];
    let apart: SourceRecord[] = [];
    const attemptApart = async () => {
      for (let start = 0; start < apart.length; start += together) {
        outcomes.push(...(await this.#attempt(apart.slice(start, start + together))));
      }
      apart = [];
    };
    for (const record of records) {
      const { content } = record;
      if (!isBlock(record) && content.kind !== 'unreadable') {
        apart.push(record);
        continue;
      }
      // What stands between rows parts them, whether they came together or not: a retry then computes the same bits.
      await attemptApart();
      outcomes.push(
        content.kind === 'unreadable'
          ? { error: content.error }
          : await this.#transformBlock(record, together),
      );
    }
    await attemptApart();
    return outcomes;
  }

  /** Rows that came together: they are never taken apart while all is well. */
  async #transformBlock(block: SourceRecord, together: number): Promise<RecordOutcome> {
    const parts: Uint8Array[] = [];
    const rows: RecordOutcome[] = [];
    let whole = true;
    for (let start = 0; start < block.count; start += together) {
      const part = sliceRows(block, start, Math.min(start + together, block.count));
      const lines = part.count === 1 ? undefined : await this.#runBlock(part);
      if (lines !== undefined && whole) {
        parts.push(lines);
        continue;
      }
      if (whole) rows.push(...linesOf(parts));
      whole = false;
      rows.push(
        ...(lines === undefined ? await this.#attempt(expandRows(part)) : linesOf([lines])),
      );
    }
    return whole ? { lines: parts } : { rows };
  }

  /** undefined when the rows have to be told apart. */
  async #runBlock(block: SourceRecord): Promise<Uint8Array | undefined> {
    const { lease, encoder } = this.#context;
    try {
      const tensors = await this.#decodeBlock(block);
      if (tensors === undefined) return undefined;
      const outputs = await lease.session.run(tensors, this.#names);
      const aligned = outputs.every(({ shape }) => shape[0] === block.count);
      return aligned ? encoder.block(block, outputs) : undefined;
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown;
      return undefined;
    }
  }

  async #attempt(records: readonly SourceRecord[]): Promise<RecordOutcome[]> {
    try {
      const lines = await this.#run(records);
      if (lines !== undefined) return lines.map((line) => ({ line }));
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown;
      if (records.length === 1) return [{ error: thrown }];
    }
    const middle = Math.ceil(records.length / 2);
    return [
      ...(await this.#attempt(records.slice(0, middle))),
      ...(await this.#attempt(records.slice(middle))),
    ];
  }

  /** Lines for the records; undefined when they have to be told apart. */
  async #run(records: readonly SourceRecord[]): Promise<string[] | undefined> {
    const { lease, encoder } = this.#context;
    const tensors = await this.#decode(records);
    const outputs = await lease.session.run(tensors, this.#names);
    if (records.length === 1) return encoder.rows(records, alone(outputs));
    const aligned = outputs.every(({ shape }) => shape[0] === records.length);
    return aligned ? encoder.rows(records, outputs) : undefined;
  }

  async #decodeBlock(block: SourceRecord): Promise<readonly Tensor[] | undefined> {
    const { content, count } = block;
    if (content.kind !== 'lines') return this.#decode([block]);
    const tensors = decodeLines(content.lines, content.header, this.#context.lease.session.inputs);
    return tensors === undefined ? undefined : this.#checked(tensors, count);
  }

  async #decode(records: readonly SourceRecord[]): Promise<readonly Tensor[]> {
    const { lease, isOfTexts } = this.#context;
    const tensors = await decodeRows(records, lease.session.inputs, isOfTexts);
    return this.#checked(
      tensors,
      records.reduce((sum, record) => sum + record.count, 0),
    );
  }

  #checked(tensors: readonly Tensor[], count: number): readonly Tensor[] {
    validateInputs(tensors, this.#context.lease.session.inputs);
    if (this.#stackable && countRows(tensors) !== count) {
      throw new ServingError(
        'INVALID_REQUEST',
        `row: expected values for one row of the model, got those of ${countRows(tensors) ?? 'none'}`,
      );
    }
    return tensors;
  }

  async sample(records: readonly SourceRecord[]): Promise<Runnable[]> {
    const sample: Runnable[] = [];
    for (const record of records) {
      try {
        sample.push({ inputs: await this.#decode([record]), outputNames: this.#names });
      } catch {
        // It will be named when it is its turn.
      }
    }
    return sample;
  }
}

const refusals = new Set<ErrorCode>(['INVALID_REQUEST', 'NOT_ACCEPTABLE', 'PAYLOAD_TOO_LARGE']);

/** Whether it is about these values; any other failure must not be put down to a row. */
function isRefusal(thrown: unknown): thrown is ServingError {
  return thrown instanceof ServingError && refusals.has(thrown.code);
}

function isBlock({ content, count }: SourceRecord): boolean {
  return content.kind === 'lines' || count > 1;
}

function linesOf(parts: readonly Uint8Array[]): RecordOutcome[] {
  const lines = Buffer.concat(parts).toString().split('\n').slice(0, -1);
  return lines.map((line) => ({ line }));
}

/** Outputs of a run of one record, as one row each: a model without a row dimension gives none. */
function alone(outputs: readonly Tensor[]): readonly Tensor[] {
  return outputs.map((output) =>
    output.shape[0] === 1 ? output : { ...output, shape: [1, ...output.shape] },
  );
}
