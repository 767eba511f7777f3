import { ServingError, toServingError } from '../../errors.ts';
import { countRows, isStackable } from '../../inference/stacking.ts';
import type { Tensor } from '../../protocol/tensor.ts';
import { validateInputs } from '../../protocol/validate.ts';
import type { SourceRecord } from '../records.ts';
import type { Runnable } from '../run-together.ts';
import type { Engine, EngineContext, RecordOutcome } from './engine.ts';
import { decodeRows } from './row-tensors.ts';

/**
 * Rows of the model's tensors: lines of JSON or CSV, rows of a table or an array. They are decoded, run and encoded
 * many at a time, for each by itself would cost more than most models that take them; when that fails, the halves
 * are tried, down to the row that is at fault.
 */
export class RowEngine implements Engine {
  readonly #context: EngineContext;
  readonly #stackable: boolean;
  readonly #names: readonly string[];

  constructor(context: EngineContext) {
    this.#context = context;
    const { session } = context.lease;
    this.#stackable = isStackable(session.inputs, session.outputs);
    this.#names = context.job.output.names ?? session.outputs.map(({ name }) => name);
  }

  async transform(records: readonly SourceRecord[], rowsPerRun: number): Promise<RecordOutcome[]> {
    const outcomes: RecordOutcome[] = [];
    const together = this.#stackable ? rowsPerRun : 1;
    // What cannot be read stands between what can: rows are put together all the same.
    const readable = records.filter(({ content }) => content.kind !== 'unreadable');
    for (let start = 0; start < readable.length; start += together) {
      outcomes.push(...(await this.#attempt(readable.slice(start, start + together))));
    }
    const results = outcomes.values();
    return records.map(({ content }): RecordOutcome => {
      if (content.kind === 'unreadable') return { error: content.error };
      return results.next().value ?? { error: toServingError(undefined) };
    });
  }

  async #attempt(records: readonly SourceRecord[]): Promise<RecordOutcome[]> {
    try {
      const lines = await this.#run(records);
      if (lines !== undefined) return lines.map((line) => ({ line }));
    } catch (thrown) {
      const error = toServingError(thrown);
      // A failure that is not about these values must not be put down to a row.
      if (error.code !== 'INVALID_REQUEST' && error.code !== 'NOT_ACCEPTABLE') throw thrown;
      if (records.length === 1) return [{ error }];
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

  async #decode(records: readonly SourceRecord[]): Promise<readonly Tensor[]> {
    const { inputs } = this.#context.lease.session;
    const tensors = await decodeRows(records, inputs);
    validateInputs(tensors, inputs);
    if (this.#stackable && countRows(tensors) !== records.length) {
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

/** Outputs of a run of one record, as one row each: a model without a row dimension gives none. */
function alone(outputs: readonly Tensor[]): readonly Tensor[] {
  return outputs.map((output) =>
    output.shape[0] === 1 ? output : { ...output, shape: [1, ...output.shape] },
  );
}
