import { ServingError } from '../errors.ts';
import type { Session } from '../models/session.ts';
import type { Tensor } from '../protocol/tensor.ts';
import {
  countRows,
  isStackable,
  outputsAgree,
  splitTensors,
  stackingKey,
  stackTensors,
} from './stacking.ts';

/** One request's part in a run. */
export interface RunRequest {
  readonly session: Session;
  readonly inputs: readonly Tensor[];
  readonly outputNames: readonly string[];
  /** Rows of one run when requests are put together; 1 runs each alone. */
  readonly maxBatchSize: number;
  /** On the batcher's clock: a request that is still waiting then is refused. */
  readonly deadlineMs: number | undefined;
}

export interface RunResult {
  readonly outputs: readonly Tensor[];
  /** Waiting for other runs. */
  readonly queueMs: number;
  /** The run, shared by all that were in it. */
  readonly runMs: number;
  /** Runs to count for this request, so that all counts together are the runs: the first of those in it counts it. */
  readonly executions: 0 | 1;
}

export interface MicroBatcherOptions {
  readonly nowMs: () => number;
  /** Requests that may wait for one session; what comes beyond is refused with TOO_MANY_REQUESTS. */
  readonly maxWaiting: number;
  /**
   * Lets the event loop turn before each run: what has arrived while the last run blocked the thread is read and joins
   * this one. Where the host gives one request at a time there is never any.
   * @default no turn
   */
  readonly turn?: (() => Promise<void>) | undefined;
}

interface Waiting {
  readonly request: RunRequest;
  /** Equal keys may share a run; undefined for a request that must run alone. */
  readonly key: string | undefined;
  readonly rows: number;
  readonly sinceMs: number;
  readonly resolve: (result: RunResult) => void;
  readonly reject: (reason: unknown) => void;
}

/** Kinds of requests whose trial is remembered: shapes come from callers, and past it all are tried anew. */
const maximumTrials = 1_000;

interface SessionQueue {
  readonly waiting: Waiting[];
  running: boolean;
  /** What a trial said of stacking each kind of request: whether the rows of this model are independent. */
  readonly stacks: Map<string, boolean>;
}

/**
 * Natural batching: a session runs one thing at a time, and what came while it was busy forms the next run. Nobody
 * waits for company, so an environment with one request at a time pays nothing.
 *
 * Requests share a run only when their tensors have the same names, datatypes and trailing dimensions and ask for the
 * same outputs, and when a trial has shown once that the model gives each the same answer as alone. A run that fails
 * is repeated request by request, so that a failure finds its owner.
 */
export class MicroBatcher {
  readonly #options: MicroBatcherOptions;
  readonly #queues = new WeakMap<Session, SessionQueue>();

  constructor(options: MicroBatcherOptions) {
    this.#options = options;
  }

  /** @throws ServingError what the run throws; TOO_MANY_REQUESTS; DEADLINE_EXCEEDED */
  run(request: RunRequest): Promise<RunResult> {
    const queue = this.#queueOf(request.session);
    if (queue.waiting.length >= this.#options.maxWaiting) {
      throw new ServingError(
        'TOO_MANY_REQUESTS',
        `expected at most ${this.#options.maxWaiting} requests waiting for this model, got one more`,
        { retryAfterSeconds: 1 },
      );
    }
    return new Promise((resolve, reject) => {
      const { key, rows } = stacking(request);
      queue.waiting.push({ request, key, rows, sinceMs: this.#options.nowMs(), resolve, reject });
      if (!queue.running) void this.#drain(queue);
    });
  }

  #queueOf(session: Session): SessionQueue {
    const known = this.#queues.get(session);
    if (known !== undefined) return known;
    const queue: SessionQueue = { waiting: [], running: false, stacks: new Map() };
    this.#queues.set(session, queue);
    return queue;
  }

  async #drain(queue: SessionQueue): Promise<void> {
    const { turn } = this.#options;
    queue.running = true;
    for (;;) {
      if (turn !== undefined) await turn();
      this.#refuseLate(queue);
      const group = takeGroup(queue);
      if (group.length === 0) break;
      await this.#runGroup(queue, group);
    }
    queue.running = false;
  }

  /** A run cannot be cancelled, so the last moment to keep a deadline is before it. */
  #refuseLate(queue: SessionQueue): void {
    const nowMs = this.#options.nowMs();
    const late = queue.waiting.filter(
      ({ request }) => request.deadlineMs !== undefined && request.deadlineMs < nowMs,
    );
    for (const waiting of late) {
      queue.waiting.splice(queue.waiting.indexOf(waiting), 1);
      waiting.reject(
        new ServingError(
          'DEADLINE_EXCEEDED',
          'parameters.timeout: it passed before the model could run',
        ),
      );
    }
  }

  async #runGroup(queue: SessionQueue, group: readonly Waiting[]): Promise<void> {
    if (group.length > 1 && (await this.#runStacked(queue, group))) return;
    for (const waiting of group) await this.#runAlone(waiting);
  }

  async #runAlone(waiting: Waiting): Promise<void> {
    const startMs = this.#options.nowMs();
    const { session, inputs, outputNames } = waiting.request;
    try {
      const outputs = await session.run(inputs, outputNames);
      waiting.resolve(this.#result(waiting, outputs, startMs, 1));
    } catch (thrown) {
      waiting.reject(thrown);
    }
  }

  /** @returns false when the requests must run one by one after all */
  async #runStacked(queue: SessionQueue, group: readonly Waiting[]): Promise<boolean> {
    const [first] = group;
    if (first?.key === undefined) return false;
    const startMs = this.#options.nowMs();
    const parts = await runTogether(group);
    const [firstPart] = parts ?? [];
    if (parts === undefined || firstPart === undefined) {
      // One of them may have been refused for its values: that says nothing of the model.
      return false;
    }
    if (!queue.stacks.has(first.key)) {
      if (queue.stacks.size >= maximumTrials) queue.stacks.clear();
      queue.stacks.set(first.key, await agreesAlone(first.request, firstPart));
    }
    if (queue.stacks.get(first.key) === false) return false;
    for (const [index, waiting] of group.entries()) {
      waiting.resolve(this.#result(waiting, parts[index] ?? [], startMs, index === 0 ? 1 : 0));
    }
    return true;
  }

  #result(
    waiting: Waiting,
    outputs: readonly Tensor[],
    startMs: number,
    executions: 0 | 1,
  ): RunResult {
    return {
      outputs,
      queueMs: startMs - waiting.sinceMs,
      runMs: this.#options.nowMs() - startMs,
      executions,
    };
  }
}

/** Under which key a request shares runs, and how many rows it brings. */
function stacking({ session, inputs, outputNames, maxBatchSize }: RunRequest): {
  readonly key: string | undefined;
  readonly rows: number;
} {
  const alone = { key: undefined, rows: 1 };
  if (maxBatchSize === 1) return alone;
  const outputs = session.outputs.filter(({ name }) => outputNames.includes(name));
  const rows = countRows(inputs);
  if (rows === undefined || rows === 0 || !isStackable(session.inputs, outputs)) return alone;
  return { key: `${stackingKey(inputs)}\u0001${outputNames.join('\u0000')}`, rows };
}

/** Takes the first that waits, and all that may share its run, oldest first, up to the model's limit of rows. */
function takeGroup(queue: SessionQueue): Waiting[] {
  const first = queue.waiting.shift();
  if (first === undefined) return [];
  const group = [first];
  if (first.key === undefined || queue.stacks.get(first.key) === false) return group;
  let rows = first.rows;
  for (let index = 0; index < queue.waiting.length; ) {
    const candidate = queue.waiting[index];
    if (candidate === undefined) break;
    if (
      candidate.key !== first.key ||
      rows + candidate.rows > Math.min(first.request.maxBatchSize, candidate.request.maxBatchSize)
    ) {
      index += 1;
      continue;
    }
    rows += candidate.rows;
    group.push(candidate);
    queue.waiting.splice(index, 1);
  }
  return group;
}

/** Whether a request's part of a shared run is what it gets when it runs alone. */
async function agreesAlone(request: RunRequest, part: readonly Tensor[]): Promise<boolean> {
  try {
    return outputsAgree(part, await request.session.run(request.inputs, request.outputNames));
  } catch {
    return false;
  }
}

/** Each request's outputs of one run; undefined when the run failed or did not give a row for each row. */
async function runTogether(group: readonly Waiting[]): Promise<Tensor[][] | undefined> {
  const [first] = group;
  if (first === undefined) return undefined;
  try {
    const stacked = stackTensors(group.map(({ request }) => request.inputs));
    const outputs = await first.request.session.run(stacked, first.request.outputNames);
    return splitTensors(
      outputs,
      group.map(({ rows }) => rows),
    );
  } catch {
    return undefined;
  }
}
