import { readStop } from '../../src/batch/control.ts';
import { type JobKeys, jobKeys } from '../../src/contract/job-keys.ts';
import type { ModelProvider } from '../../src/models/provider.ts';
import type { Predictor } from '../../src/tasks/predictor.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { Simulation } from './simulation.ts';

/** What a job came to. */
export interface JobOutcome {
  readonly jobId: string;
  readonly keys: JobKeys;
  /** The output of each shard. */
  readonly parts: readonly string[];
  readonly errors: readonly Record<string, unknown>[];
  readonly manifest: {
    readonly records: number;
    readonly failed: number;
    readonly parts: readonly { readonly output: string }[];
  };
}

/** Jobs over buckets in memory, each run to its end with nothing going wrong. */
export class FaultlessJobs {
  readonly jobs = new MemoryObjectStore();
  readonly results = new MemoryObjectStore();
  readonly #models: ModelProvider;
  readonly #predictors: ReadonlyMap<string, Predictor>;
  #submitted = 0;

  /** @param predictors of the models that declare a task, by name */
  constructor(models: ModelProvider, predictors: ReadonlyMap<string, Predictor> = new Map()) {
    this.#models = models;
    this.#predictors = predictors;
  }

  /** Runs a job over one object. */
  async run(
    model: string,
    name: string,
    body: Uint8Array | string,
    request: object = {},
  ): Promise<JobOutcome> {
    await this.jobs.put(`data/${name}`, body);
    return this.submit({ model, input: { key: `data/${name}` }, ...request });
  }

  /**
   * Runs a job.
   *
   * @throws what it is refused with, or why it failed
   */
  async submit(request: { readonly model: string; readonly [member: string]: unknown }) {
    // The same document under the same key is the same job.
    const key = `in/${this.#submitted++}.job.json`;
    await this.jobs.put(key, JSON.stringify(request));
    const { jobs, results } = this;
    const predictor = this.#predictors.get(request.model);
    const simulation = new Simulation({ jobs, results, models: this.#models, predictor });
    const submission = await simulation.upload(key);
    if (submission.outcome === 'refused') throw submission.error;
    if (submission.outcome !== 'job') throw new Error(submission.reason);
    await simulation.drain();
    return this.#outcomeOf(submission.jobId);
  }

  async #outcomeOf(jobId: string): Promise<JobOutcome> {
    const keys = jobKeys(jobId);
    const stop = await readStop(this.results, keys);
    if (stop !== undefined) throw new Error(stop.reason);
    const manifest = JSON.parse(await this.text(keys.manifest)) as JobOutcome['manifest'];
    const outputs = manifest.parts.map(({ output }) => this.text(`${keys.prefix}${output}`));
    const errors = linesOf(await this.text(keys.mergedErrors)).map(
      (line) => JSON.parse(line) as Record<string, unknown>,
    );
    return { jobId, keys, parts: await Promise.all(outputs), errors, manifest };
  }

  /** What a result holds; nothing where there is none. */
  async text(key: string): Promise<string> {
    return Buffer.from((await this.results.get(key))?.body ?? []).toString();
  }
}

/** Lines that are not empty. */
export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
