import type { FuzzRequest } from './requests.ts';
import { FuzzClient, rawBytes, type TimedAnswer } from './send.ts';
import { complaintsOf } from './verdict.ts';

/** A request to send, and how to send it again. */
export interface FuzzCase {
  readonly request: FuzzRequest;
  /** Sends it as bytes that are hardly HTTP, damaged by this seed. */
  readonly rawSeed?: number | undefined;
  /** Arguments of the command that sends it alone. */
  readonly again: string;
}

const shownFailures = 20;
const requestBudgetMs = 1000;
const budgetMsPerMiB = 1000;
/** A page of jobs reads several objects of each job: that takes time, but blocks nobody. */
const jobsBudgetMs = 5000;
/** What was slow is sent again as often: only what is slow each time is slow because of what it is. */
const timedRepeats = 4;

function budgetMs({ target, body, decodedBytes }: FuzzRequest): number {
  const baseMs = target.startsWith('/v2/jobs') ? jobsBudgetMs : requestBudgetMs;
  return baseMs + (Math.max(decodedBytes, body.length) / 2 ** 20) * budgetMsPerMiB;
}

/** Sends cases, counts what comes back, and prints what is wrong with it. */
export class Fuzzer {
  readonly #client: FuzzClient;
  readonly #secrets: readonly string[];
  readonly #statuses = new Map<string, number>();
  /** Kinds of failures that were printed: one of each is enough. */
  readonly #shown = new Set<string>();
  #passed = 0;
  #failed = 0;
  #slowest = { durationMs: 0, again: '' };

  /** @param secrets what no answer may contain */
  constructor(port: number, secrets: readonly string[]) {
    this.#client = new FuzzClient(port);
    this.#secrets = secrets;
  }

  get passed(): number {
    return this.#passed;
  }

  get failed(): number {
    return this.#failed;
  }

  /** @param concurrency at a time; more than there are environments, and answers wait for others' */
  async send(cases: Iterable<FuzzCase>, concurrency: number): Promise<void> {
    const queue = cases[Symbol.iterator]();
    const worker = async () => {
      for (let next = queue.next(); next.done !== true; next = queue.next()) {
        await this.#sendOne(next.value);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
  }

  /** Something that is not the matter of one request. */
  fail(complaint: string): void {
    this.#failed += 1;
    console.log(`FAILED - ${complaint}`);
  }

  /** Counts by status, and the slowest request. */
  summary(): string {
    const counts = [...this.#statuses].sort().map(([status, count]) => `${status}: ${count}`);
    const { durationMs, again } = this.#slowest;
    return `statuses: ${counts.join(', ')}\nslowest: ${Math.round(durationMs)} ms (${again})`;
  }

  close(): void {
    this.#client.close();
  }

  async #sendOne(fuzzCase: FuzzCase): Promise<void> {
    const complaints = await this.#complaints(fuzzCase).catch((error) => [String(error)]);
    if (complaints.length === 0) this.#passed += 1;
    else this.#failOne(fuzzCase, complaints.join('; '));
  }

  async #complaints({ request, rawSeed, again }: FuzzCase): Promise<string[]> {
    if (rawSeed !== undefined) {
      const status = await this.#client.sendRaw(rawBytes(request, rawSeed));
      this.#count(`raw ${status ?? 'closed'}`);
      const isFault = status !== undefined && status >= 500 && status !== 503 && status !== 504;
      return isFault ? [`raw bytes: status ${status}`] : [];
    }
    const answer = await this.#client.send(request);
    this.#count(`${answer.status}`);
    const durationMs = await this.#leastDurationMs(request, answer);
    if (durationMs > this.#slowest.durationMs) this.#slowest = { durationMs, again };
    const complaints = complaintsOf(request, answer, this.#secrets);
    if (durationMs <= budgetMs(request)) return complaints;
    return [
      ...complaints,
      `${Math.round(durationMs)} ms for a body of ${request.decodedBytes} bytes`,
    ];
  }

  async #leastDurationMs(request: FuzzRequest, answer: TimedAnswer): Promise<number> {
    let least = answer.durationMs;
    for (let repeat = 0; repeat < timedRepeats && least > budgetMs(request); repeat++) {
      least = Math.min(least, (await this.#client.send(request)).durationMs);
    }
    return least;
  }

  #count(status: string): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
  }

  #failOne({ request, again }: FuzzCase, complaint: string): void {
    this.#failed += 1;
    const kind = complaint.replaceAll(/\d+/g, '0').slice(0, 120);
    if (this.#shown.has(kind) || this.#shown.size >= shownFailures) return;
    this.#shown.add(kind);
    const { method, target, headers, body } = request;
    console.log(`FAILED - ${complaint}`);
    console.log(`  ${method} ${target.slice(0, 200)} ${JSON.stringify(headers).slice(0, 400)}`);
    console.log(`  ${JSON.stringify(Buffer.from(body).toString('latin1').slice(0, 400))}`);
    console.log(`  again: npm run test:fuzz -- ${again}`);
  }
}
