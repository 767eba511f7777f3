import { ServingError } from '../../errors.ts';
import { handlePredict, type PredictServices } from '../../tasks/wire/handle.ts';
import type { Runnable } from '../run-together.ts';
import { maximumRecordBytes, type SourceRecord } from '../source-record.ts';
import type { Engine, RecordOutcome, TaskContext } from './engine.ts';
import { predictContextOf, refusal } from './predict-context.ts';

/**
 * Requests of the predict route, one a line as JSON, each answered as the route answers it. Objects that they refer to are
 * read when they are run.
 */
export class PredictRequestEngine implements Engine {
  readonly takesBlocks = false;
  readonly #context: TaskContext;

  constructor(context: TaskContext) {
    this.#context = context;
  }

  /** One after the other: what a request carries and refers to is in memory while it is run. */
  async transform(records: readonly SourceRecord[]): Promise<RecordOutcome[]> {
    const services = await this.#context.services();
    const outcomes: RecordOutcome[] = [];
    for (const record of records) outcomes.push(await this.#answer(record, services));
    return outcomes;
  }

  /** Tasks put inputs together themselves, within the model's limit. */
  async sample(): Promise<Runnable[]> {
    return [];
  }

  async #answer(record: SourceRecord, services: PredictServices): Promise<RecordOutcome> {
    const { model, predictor, lease, encoder } = this.#context;
    const { content } = record;
    if (content.kind !== 'line') return { error: new ServingError('INTERNAL', 'internal error') };
    const { model: name, version } = lease.pinned;
    try {
      const { body } = await handlePredict(
        predictor,
        { name, version },
        {
          contentType: 'application/json',
          accept: undefined,
          body: content.bytes,
          maximumTextBytes: maximumRecordBytes,
        },
        predictContextOf(model, this.#context),
        services,
      );
      const json = typeof body === 'string' ? body : Buffer.from(body).toString();
      return { line: encoder.prediction(record, json) };
    } catch (thrown) {
      return { error: refusal(model, thrown) };
    }
  }
}
