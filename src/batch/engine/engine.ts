import type { ServingError } from '../../errors.ts';
import type { ModelLease } from '../../models/provider.ts';
import type { Predictor } from '../../tasks/predictor.ts';
import { formatOf } from '../formats.ts';
import { type Job, requestRouteOf } from '../job.ts';
import type { JobModel } from '../job-model.ts';
import type { TransformContext } from '../ports.ts';
import type { Runnable } from '../run-together.ts';
import type { ShardSource } from '../shard.ts';
import { expandRows, type SourceRecord } from '../source-record.ts';
import type { FullWindow } from '../windows.ts';
import { skipSpace } from './json-places.ts';
import { createOutputEncoder, type OutputEncoder } from './output-encoder.ts';
import { PredictRequestEngine } from './predict-requests.ts';
import { PredictionEngine } from './predictions.ts';
import { isRequest, RequestEngine } from './requests.ts';
import { RowEngine } from './rows.ts';

/** What became of one record: the line that is its prediction, or why there is none. */
export type RecordOutcome =
  | { readonly line: string }
  | { readonly error: ServingError; readonly id?: string | undefined }
  /** Of rows that came together: their lines, or what became of each. */
  | { readonly lines: readonly Uint8Array[] }
  | { readonly rows: readonly RecordOutcome[] };

/** Enough that records of different shapes find others of their own. */
const minimumWindowRuns = 4;
const maximumWindowRuns = 32;

/** Tasks put their runs together themselves, and prepare what follows beside a run. */
const windowRecordsOfTask: Readonly<Record<Predictor['accepts'], number>> = {
  image: 32,
  pixels: 32,
  audio: 32,
  text: 128,
  row: 1024,
  tensors: 1024,
};

/** One way from records to lines. */
export interface Engine {
  /** Whether rows may come together; if not, each has to be a record of its own. */
  readonly takesBlocks: boolean;
  /** Outcomes in the order of the records. How they are put together depends on nothing but the records. */
  transform(records: readonly SourceRecord[], rowsPerRun: number): Promise<RecordOutcome[]>;
  /** Records as the model is run with them, those that can be: what rows per run are measured by. */
  sample(records: readonly SourceRecord[]): Promise<Runnable[]>;
}

export interface EngineContext {
  readonly job: Job;
  readonly lease: ModelLease;
  readonly encoder: OutputEncoder;
}

export interface RawContext extends EngineContext {
  /** Whether a record is a line of an object of texts: to who takes texts it is one, whatever it looks like. */
  readonly isOfTexts: (record: SourceRecord) => boolean;
}

/** Of a model that declares a task. */
export interface TaskContext extends RawContext {
  readonly model: JobModel;
  readonly predictor: Predictor;
  readonly services: TransformContext['services'];
}

/**
 * Records to predictions for one model. What a record is decides the way: requests are answered as such; other records
 * go through the task that the model declares, or, without one, are rows of its tensors. Requests are those of the
 * protocol; of a pipeline, and where a job is of a request of that route, those of the predict route.
 */
export class ModelEngine implements Engine {
  readonly encoder: OutputEncoder;
  readonly takesBlocks: boolean;
  readonly #protocol: RequestEngine;
  readonly #requests: Engine;
  readonly #isRequest: (record: SourceRecord) => boolean;
  readonly #others: Engine;
  readonly #accepts: Predictor['accepts'] | undefined;
  readonly #isOneByOne: boolean;

  constructor(context: TransformContext, job: Job, model: JobModel, source: ShardSource) {
    const { lease, predictor } = model;
    this.encoder = createOutputEncoder(job, lease, source, predictor !== undefined);
    const own = { job, lease, encoder: this.encoder };
    this.#protocol = new RequestEngine(own);
    const raw = { ...own, isOfTexts: textsOf(job, source) };
    this.#requests = this.#protocol;
    this.#accepts = predictor?.accepts;
    // Where the route is known, a record is a request whatever it looks like, and no row.
    const isOfRoute = requestRouteOf(job) !== undefined;
    this.takesBlocks = predictor === undefined && !isOfRoute;
    const takesPredictRequests = predictor !== undefined && isOfPredictRoute(job);
    this.#isRequest = isOfRoute || takesPredictRequests ? isLine : isRequest;
    this.#isOneByOne = takesPredictRequests && source.kind !== 'objects';
    if (predictor === undefined) {
      this.#others = new RowEngine(raw);
      return;
    }
    const task = { ...raw, model, predictor, services: context.services };
    this.#others = new PredictionEngine(task);
    if (takesPredictRequests) this.#requests = new PredictRequestEngine(task);
  }

  /**
   * Records that are worked on at once: so many that what a window costs itself does not count, and so few that the time
   * is looked at often. Models that gain by many rows a run take little time for each.
   */
  fullWindow(rowsPerRun: number): FullWindow {
    // Each request of that route is worked on by itself, and may hold many pictures.
    if (this.#isOneByOne) return { records: 1, enoughBytes: Number.POSITIVE_INFINITY };
    if (this.#accepts !== undefined) {
      // What is prepared beside a run is prepared within a window: the more the better.
      const enoughBytes = Number.POSITIVE_INFINITY;
      return { records: windowRecordsOfTask[this.#accepts], enoughBytes };
    }
    const runs = Math.min(Math.max(rowsPerRun, minimumWindowRuns), maximumWindowRuns);
    return { records: rowsPerRun * runs, enoughBytes: 1024 * 1024 };
  }

  async transform(records: readonly SourceRecord[], rowsPerRun: number): Promise<RecordOutcome[]> {
    const [sole] = records;
    if (sole !== undefined && records.length === 1 && holdsRequests(sole)) {
      const block = await this.#protocol.transformBlock(sole, rowsPerRun);
      if (block !== undefined) return [block];
    }
    if (!records.some(holdsRequests)) return this.#transformApart(records, rowsPerRun);
    // Lines that came together may be of both kinds: each is looked at.
    const apart = records.map((record) => (holdsRequests(record) ? expandRows(record) : [record]));
    const results = (await this.#transformApart(apart.flat(), rowsPerRun)).values();
    return records.map((record, index): RecordOutcome => {
      const own = (apart[index] ?? []).flatMap(() => results.next().value ?? []);
      const [sole] = own;
      return sole === undefined || holdsRequests(record) ? { rows: own } : sole;
    });
  }

  async #transformApart(
    records: readonly SourceRecord[],
    rowsPerRun: number,
  ): Promise<RecordOutcome[]> {
    const outcomes = new Array<RecordOutcome>(records.length);
    const parts = [
      { engine: this.#requests, places: placesWhere(records, this.#isRequest) },
      { engine: this.#others, places: placesWhere(records, (record) => !this.#isRequest(record)) },
    ];
    for (const { engine, places } of parts) {
      if (places.length === 0) continue;
      const own = places.flatMap((place) => records[place] ?? []);
      const results = await engine.transform(own, rowsPerRun);
      for (const [index, place] of places.entries()) {
        const outcome = results[index];
        if (outcome !== undefined) outcomes[place] = outcome;
      }
    }
    return outcomes;
  }

  async sample(records: readonly SourceRecord[]): Promise<Runnable[]> {
    const requests = records.filter(this.#isRequest);
    return requests.length > 0 ? this.#requests.sample(requests) : this.#others.sample(records);
  }
}

/** The failed records of another job may be of objects of several formats. */
function textsOf(job: Job, source: ShardSource): RawContext['isOfTexts'] {
  const isOfJob = source.kind === 'lines' && source.format === 'text';
  return ({ origin }) =>
    source.kind === 'errors' && origin !== undefined
      ? formatOf(origin.object.key, job.format).format === 'text'
      : isOfJob;
}

/** Whether lines are requests of the predict route. A pipeline has no tensors, so it takes none of the protocol. */
function isOfPredictRoute(job: Job): boolean {
  return job.model.stages !== undefined || requestRouteOf(job) === 'predict';
}

function isLine({ content }: SourceRecord): boolean {
  return content.kind === 'line';
}

/** Whether among lines that came together is one that may be a request. */
function holdsRequests({ content }: SourceRecord): boolean {
  if (content.kind !== 'lines' || content.header !== undefined) return false;
  const { bytes, starts } = content.lines;
  return starts.some((start) => bytes[skipSpace(bytes, start)] === openBrace);
}

const openBrace = 0x7b;

function placesWhere(
  records: readonly SourceRecord[],
  holds: (record: SourceRecord) => boolean,
): number[] {
  const places: number[] = [];
  for (const [place, record] of records.entries()) if (holds(record)) places.push(place);
  return places;
}
