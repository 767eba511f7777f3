/**
 * Peak memory of a worker that plans and transforms an input far larger than its memory, above what it needs for a
 * small one. The records are long strings through a model that gives them back: what is read, held and written is as
 * large as the input.
 *
 *     npm run bench -- batch/memory [MiB]
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Upload } from '@aws-sdk/lib-storage';
import { jobIdOf } from '../../src/batch/job.ts';
import { jobKeys } from '../../src/contract/job-keys.ts';
import { type Laptop, startLaptop } from '../../test/batch/laptop.ts';
import { identityModel } from '../../test/support/onnx-model.ts';

const sizeMiB = Number(process.argv[2] ?? 4_096);
const MiB = 1024 * 1024;
/** The largest shard that a plan makes by itself. */
const shardBytes = 512 * MiB;
/** A record a line. */
const recordBytes = 64 * 1024;

interface Input {
  readonly name: string;
  readonly line: string;
  readonly header: string;
}

const word = 'the quick brown fox jumps over the lazy dog ';
const content = word.repeat(Math.ceil(recordBytes / word.length)).slice(0, recordBytes - 8);
const inputs: readonly Input[] = [
  { name: 'lines.jsonl', line: `"${content}"\n`, header: '' },
  { name: 'table.csv', line: `"${content}"\n`, header: 'x\n' },
];

async function upload({ s3Client }: Laptop, key: string, { line, header }: Input, mib: number) {
  const block = Buffer.from(line.repeat(Math.ceil(MiB / line.length)));
  function* blocks() {
    yield Buffer.from(header);
    for (let bytes = 0; bytes < mib * MiB; bytes += block.byteLength) yield block;
  }
  const Body = Readable.from(blocks());
  await new Upload({
    client: s3Client,
    params: { Bucket: 'jobs', Key: key, Body },
    partSize: 16 * MiB,
    queueSize: 2,
  }).done();
}

async function runJob({ jobs, results }: Laptop, key: string): Promise<number> {
  const request = `in/${key.replaceAll('/', '-')}.job.json`;
  const startMs = performance.now();
  await jobs.put(request, JSON.stringify({ model: 'echo', input: { key }, shardBytes }));
  const head = await jobs.head(request);
  const { manifest } = jobKeys(jobIdOf('job', request, ['jobs', request, head?.etag ?? '']));
  while ((await results.head(manifest)) === undefined) await sleep(200);
  return (performance.now() - startMs) / 1_000;
}

/** The most memory that a process has had, in MiB. */
function peakMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

const laptop = await startLaptop({ visibilityTimeoutSeconds: 60 });
try {
  await laptop.models.put('echo/1/model.onnx', identityModel('BYTES', [-1]));
  for (const input of inputs) {
    const worker = spawn(
      process.execPath,
      [fileURLToPath(new URL('../../test/batch/worker.ts', import.meta.url))],
      {
        env: { ...process.env, ...laptop.environment, WORKER_TIMEOUT_MS: '900000' },
        stdio: 'ignore',
      },
    );
    const pid = worker.pid ?? 0;
    await upload(laptop, `data/small-${input.name}`, input, 1);
    await runJob(laptop, `data/small-${input.name}`);
    const smallMiB = peakMiB(pid);
    await upload(laptop, `data/large-${input.name}`, input, sizeMiB);
    const seconds = await runJob(laptop, `data/large-${input.name}`);
    const largeMiB = peakMiB(pid);
    worker.kill('SIGKILL');
    console.log(
      `${input.name}: ${sizeMiB} MiB in ${seconds.toFixed(0)} s; peak ${largeMiB.toFixed(0)} MiB, ${(largeMiB - smallMiB).toFixed(0)} MiB above the ${smallMiB.toFixed(0)} MiB of an input of 1 MiB`,
    );
  }
} finally {
  await laptop.close();
}
