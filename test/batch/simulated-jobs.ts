import { listJobs } from '../../src/batch/job-list.ts';
import { listAll, type ObjectStore } from '../../src/batch/object-store.ts';
import { jobKeys } from '../../src/contract/job-keys.ts';
import type { ModelProvider } from '../../src/models/provider.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { SeededRandom } from '../support/random.ts';
import { poison } from './mortal-ports.ts';
import { noFaults, type SimulatedCounts, type SimulatedFaults } from './simulated-faults.ts';
import { Simulation } from './simulation.ts';

const faults: SimulatedFaults = {
  unavailable: 0.01,
  lostAnswer: 0.01,
  death: 0.01,
  deathAfter: 0.01,
  duplicate: 0.1,
  shortInvocation: 0.2,
};

/** Everything of a job that may not differ from run to run, by key below the job's folder. */
export type JobOutput = ReadonlyMap<string, string>;

/** A job of random records, shard sizes and faults; the same for the same seed. */
export async function runSeed(
  seed: number,
  models: ModelProvider,
): Promise<{ faulty: JobOutput; faultless: JobOutput; counts: SimulatedCounts }> {
  const random = new SeededRandom(seed);
  const { text, request } = randomJob(random, true);
  const { key } = request.input;
  const segmentBytes = random.integer(200, 20_000);
  const partBytes = random.integer(100, 4_000);
  const run = async (injected: SimulatedFaults) => {
    const jobs = new MemoryObjectStore();
    const results = new MemoryObjectStore();
    await jobs.put(key, text);
    await jobs.put('in/adder.job.json', JSON.stringify(request));
    const simulation = new Simulation({
      random: new SeededRandom(seed + 1),
      faults: injected,
      jobs,
      results,
      models,
      segmentBytes,
      partBytes,
    });
    const submission = await simulation.upload('in/adder.job.json');
    if (submission.outcome !== 'job') throw new Error(`expected a job, got ${submission.outcome}`);
    await simulation.drain();
    if (simulation.completed.length === 0) throw new Error('expected the job to be announced');
    const all = { model: undefined, after: undefined, limit: 10 };
    const { jobs: listed } = await listJobs({ results, nowMs: () => 0 }, all);
    const states = listed.map(({ state }) => state).join();
    if (states !== 'completed') throw new Error(`expected one complete job in the list: ${states}`);
    return { output: await readOutput(results, submission.jobId), counts: simulation.counts };
  };
  const faultless = await run(noFaults);
  const faulty = await run(faults);
  return { faulty: faulty.output, faultless: faultless.output, counts: faulty.counts };
}

const lineOfKind = {
  requests: randomRequest,
  alike: requestAlike,
  rows: randomRow,
  csv: randomCsvRow,
} as const;

/** Lines, and a request for a job over them, with poison now and then where it is wanted. */
export function randomJob(random: SeededRandom, poisonous: boolean) {
  const lineEnd = random.pick(['\n', '\r\n']);
  const records = random.integer(0, 150);
  const kind = random.pick(['requests', 'alike', 'rows', 'csv'] as const);
  const line = lineOfKind[kind];
  const poisonRate = random.chance(0.3) && poisonous ? 0.02 : 0;
  let text = random.chance(0.2) ? '\uFEFF' : '';
  if (kind === 'csv') text += `p,q${lineEnd}`;
  for (let index = 0; index < records; index++) {
    text += line(random, index, poisonRate) + (random.chance(0.1) ? lineEnd + lineEnd : lineEnd);
  }
  if (random.chance(0.3)) text = text.trimEnd();
  return {
    text,
    request: {
      model: 'adder',
      input: { key: `data/input.${kind === 'csv' ? 'csv' : 'jsonl'}` },
      output: {
        merge: random.chance(0.7),
        format: random.pick(['jsonl', 'jsonl', 'csv', 'parquet']),
        joinInput: random.chance(0.2),
      },
      shardBytes: random.integer(100, 4_000),
      ...(random.chance(0.5) ? { rowsPerRun: random.integer(1, 16) } : {}),
    },
  };
}

/** Requests that one program wrote, now and then with one of another. */
function requestAlike(random: SeededRandom, index: number, poisonRate: number): string {
  if (random.chance(0.01)) return randomRequest(random, index, poisonRate);
  const data = randomPair(random, poisonRate);
  const inputs = [{ name: 'x', shape: [1, 2], datatype: 'FP32', data }];
  return JSON.stringify({ id: `${index}`, inputs });
}

function randomRequest(random: SeededRandom, index: number, poisonRate: number): string {
  if (random.chance(0.05)) return random.pick(['nonsense', '{}', '[1,2]', '{"inputs":[]}']);
  const rows = random.integer(1, 3);
  const columns = random.chance(0.05) ? 3 : 2;
  const data = Array.from({ length: rows * columns }, () => random.integer(-1_000, 1_000));
  if (random.chance(poisonRate)) data[0] = poison;
  return JSON.stringify({
    id: `${index}${'-'.repeat(random.chance(0.05) ? 500 : 0)}`,
    inputs: [{ name: 'x', shape: [rows, columns], datatype: 'FP32', data }],
  });
}

function randomRow(random: SeededRandom, _index: number, poisonRate: number): string {
  if (random.chance(0.03)) return random.pick(['nonsense', '[1]', '[1,2,3]', '[1,"2"]']);
  const [first, second] = randomPair(random, poisonRate);
  if (random.chance(0.05)) return `{"x":[${first},${second}]}`;
  return random.chance(0.5) ? `[${first},${second}]` : ` [ ${first} , ${second} ]`;
}

function randomCsvRow(random: SeededRandom, _index: number, poisonRate: number): string {
  if (random.chance(0.03)) return random.pick(['nonsense', '1', '1,2,3', 'a,b', '1,']);
  const [first, second] = randomPair(random, poisonRate);
  return random.chance(0.1) ? `"${first}","${second}"` : `${first}, ${second}`;
}

function randomPair(random: SeededRandom, poisonRate: number): readonly [number, number] {
  if (random.chance(poisonRate)) return [poison, 0];
  const scale = random.pick([1, 1e-3, 1e-7]);
  return [random.integer(-1e6, 1e6) * scale, random.integer(-1e6, 1e6) * scale];
}

export async function readOutput(results: ObjectStore, jobId: string): Promise<JobOutput> {
  const { prefix, timing } = jobKeys(jobId);
  const output = new Map<string, string>();
  for await (const { key } of listAll(results, prefix)) {
    if (key === timing) continue;
    const name = key.slice(prefix.length);
    // A plan that goes on in another invocation begins a group of its own: how many there are is no result.
    if (name === 'plan.json' || name === 'job.json' || name.startsWith('state/')) continue;
    // Each byte a character: a table is no text.
    output.set(name, Buffer.from((await results.get(key))?.body ?? []).toString('latin1'));
  }
  return output;
}
