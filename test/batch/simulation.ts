import { createTableFiles } from '../../src/adapters/parquet/table-files.ts';
import type { JobsContext } from '../../src/batch/jobs.ts';
import type { ObjectStore } from '../../src/batch/object-store.ts';
import { planJob } from '../../src/batch/plan-job.ts';
import type { JobCompleted, ShardQueue, TransformContext } from '../../src/batch/ports.ts';
import type { ShardMessage } from '../../src/batch/shard.ts';
import { type Submission, submitUpload } from '../../src/batch/submit.ts';
import { transformShard } from '../../src/batch/transform-shard.ts';
import { ServingError } from '../../src/errors.ts';
import type { ModelProvider } from '../../src/models/provider.ts';
import type { Predictor } from '../../src/tasks/predictor.ts';
import { SeededRandom } from '../support/random.ts';
import {
  type Call,
  Death,
  mortalModels,
  mortalServices,
  mortalStore,
  passOver,
} from './mortal-ports.ts';
import { noFaults, type SimulatedCounts, type SimulatedFaults } from './simulated-faults.ts';

interface Delivery {
  readonly message: ShardMessage;
  received: number;
}

const callMs = 20;

/**
 * Jobs over buckets in memory and a queue that delivers in any order, with everything that can go wrong between two
 * calls of a port: a process that dies before or after any one of them, calls that fail, answers that get lost,
 * messages that come twice and are worked on side by side. Time is counted, not waited for.
 */
export class Simulation {
  readonly counts: SimulatedCounts = { ...noFaults };
  readonly completed: JobCompleted[] = [];
  /** Messages that were given up. */
  readonly deadLetters: ShardMessage[] = [];
  readonly #random: SeededRandom;
  readonly #faults: SimulatedFaults;
  readonly #jobs: ObjectStore;
  readonly #results: ObjectStore;
  readonly #models: ModelProvider;
  readonly #predictors: TransformContext['predictors'];
  readonly #limits: TransformContext['limits'];
  readonly #maxReceiveCount: number;
  readonly #runMs: number;
  readonly #queue: Delivery[] = [];
  #brokenReads: ReadonlySet<number> = new Set();
  #nowMs = Date.UTC(2026, 0, 1);
  #ids = 0;

  constructor(options: {
    /** Draws the order of deliveries, and what goes wrong. @default of one seed */
    readonly random?: SeededRandom;
    /** @default nothing goes wrong */
    readonly faults?: SimulatedFaults;
    readonly jobs: ObjectStore;
    readonly results: ObjectStore;
    readonly models: ModelProvider;
    /** Of the model, where it declares a task. @default it declares none */
    readonly predictor?: Predictor | undefined;
    readonly segmentBytes?: number;
    readonly partBytes?: number;
    /** @default never given up */
    readonly maxReceiveCount?: number;
    /** What a run takes for each of its rows, on the counted clock. @default 0 */
    readonly runMs?: number;
  }) {
    this.#random = options.random ?? new SeededRandom(1);
    this.#faults = options.faults ?? noFaults;
    this.#jobs = options.jobs;
    this.#results = options.results;
    this.#models = options.models;
    this.#predictors = { of: () => options.predictor, pipeline: async () => undefined };
    const { segmentBytes = 2 ** 25, partBytes = 2 ** 23 } = options;
    this.#limits = { segmentBytes, partBytes, handOverMs: 100 };
    this.#maxReceiveCount = options.maxReceiveCount ?? Number.POSITIVE_INFINITY;
    this.#runMs = options.runMs ?? 0;
  }

  /** Messages that wait. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Makes reads of the input fail that begin at these bytes. */
  breakReads(offsets: ReadonlySet<number>): void {
    this.#brokenReads = offsets;
  }

  /** Ports of a process that lives. */
  context(): TransformContext {
    return this.#newProcess();
  }

  /** Ports of what takes requests for jobs: what it sends to be planned is planned at once. */
  jobsContext(): JobsContext {
    const plans: JobsContext['plans'] = {
      send: async (messages) => {
        for (const { planJob } of messages) await this.plan(planJob.jobId);
      },
    };
    return { ...this.context(), plans };
  }

  /** Tells the planner of an upload until it has done its part. */
  async upload(key: string): Promise<Submission> {
    const head = await this.#jobs.head(key);
    if (head === undefined) throw new Error(`expected ${key}`);
    for (;;) {
      const context = this.#newProcess();
      try {
        const submission = await submitUpload(context, {
          bucket: 'jobs',
          object: { key, etag: head.etag, sizeBytes: head.sizeBytes },
        });
        if (submission.outcome === 'job') await this.plan(submission.jobId);
        // S3 tells of an upload at least once.
        if (this.#happens('duplicate')) continue;
        return submission;
      } catch (thrown) {
        passOver(thrown);
      }
    }
  }

  async plan(jobId: string): Promise<void> {
    let fromGroup = 0;
    for (;;) {
      try {
        const deadlineMs = this.#deadlineMs(11_000);
        const planned = await planJob(this.#newProcess(), jobId, fromGroup, deadlineMs);
        if (planned.outcome !== 'continued') return;
        fromGroup = planned.fromGroup;
      } catch (thrown) {
        passOver(thrown);
      }
    }
  }

  /** Delivers messages, a few at a time, until there are none. */
  async drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const together = this.#random.integer(1, 3);
      await Promise.all(Array.from({ length: together }, () => this.deliverOne()));
    }
  }

  /** One message; what fails comes again. */
  async deliverOne(): Promise<void> {
    if (this.#queue.length === 0) return;
    const place = this.#random.integer(0, this.#queue.length - 1);
    const [delivery] = this.#queue.splice(place, 1);
    if (delivery === undefined) return;
    delivery.received += 1;
    if (delivery.received > this.#maxReceiveCount) {
      this.deadLetters.push(delivery.message);
      return;
    }
    try {
      await transformShard(this.#newProcess(), {
        message: delivery.message,
        receiveCount: delivery.received,
        deadlineMs: this.#deadlineMs(600),
      });
    } catch (thrown) {
      passOver(thrown);
      this.#queue.push(delivery);
    }
  }

  #deadlineMs(shortMs: number): number {
    const short = this.#happens('shortInvocation');
    return this.#nowMs + (short ? this.#random.integer(shortMs / 2, shortMs * 2) : 900_000);
  }

  #happens(fault: keyof SimulatedFaults): boolean {
    const happens = this.#random.chance(this.#faults[fault]);
    if (happens) this.counts[fault] += 1;
    return happens;
  }

  async #read(...range: Parameters<ObjectStore['read']>): ReturnType<ObjectStore['read']> {
    if (this.#brokenReads.has(range[1])) throw new ServingError('UNAVAILABLE', 'simulated');
    return this.#jobs.read(...range);
  }

  /** Ports of one process: once it has died, none of them does anything. */
  #newProcess(): TransformContext {
    const life = { dead: false };
    const die = (): never => {
      life.dead = true;
      throw new Death();
    };
    const call: Call = async (work) => {
      // Others get their turn between any two calls.
      for (let turns = this.#random.integer(0, 3); turns > 0; turns--) await Promise.resolve();
      this.#nowMs += callMs;
      if (life.dead || this.#happens('death')) die();
      if (this.#happens('unavailable')) throw new ServingError('UNAVAILABLE', 'simulated');
      const result = await work();
      if (life.dead || this.#happens('deathAfter')) die();
      if (this.#happens('lostAnswer')) throw new ServingError('UNAVAILABLE', 'simulated');
      return result;
    };
    const send = async (messages: readonly ShardMessage[]) => {
      for (const message of messages) {
        // Over the wire: what arrives is a copy, with its defaults filled in.
        const copy = structuredClone(message);
        this.#queue.push({ message: copy, received: 0 });
        if (this.#happens('duplicate')) this.#queue.push({ message: copy, received: 0 });
      }
    };
    const shards: ShardQueue = { send: (messages) => call(() => send(messages)) };
    return {
      input: {
        ...mortalStore(this.#jobs, call),
        read: (...args) => call(() => this.#read(...args)),
      },
      results: mortalStore(this.#results, call),
      shards,
      models: mortalModels(this.#models, call, die, (rows) => {
        this.#nowMs += this.#runMs * rows;
      }),
      tables: createTableFiles(),
      services: mortalServices(this.#jobs, call),
      predictors: this.#predictors,
      events: {
        completed: (event) =>
          call(async () => {
            this.completed.push(event);
          }),
      },
      memoryMB: 1769,
      nowMs: () => this.#nowMs,
      monotonicMs: () => performance.now(),
      newId: () => `id-${this.#ids++}`,
      meters: {
        shardDecided: () => undefined,
        jobCompleted: () => undefined,
        jobFailed: () => undefined,
      },
      log: { info: () => undefined, warn: () => undefined },
      limits: this.#limits,
      maxReceiveCount: this.#maxReceiveCount,
    };
  }
}
