import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { projectRoot } from '../../../local/paths.ts';
import { laptopS3Client, sampleModels } from '../../../local/sample-models.ts';

/** `npm start`, as a person at a terminal has it. */
interface Started {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly urls: { readonly api: string; readonly s3: string };
}

let dataDir: string;
let processes: ChildProcess[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'pilotlight-start-test-'));
  processes = [];
});
afterEach(async () => {
  for (const child of processes) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  await rm(dataDir, { recursive: true, force: true });
});

function launch(variables: Record<string, string> = {}): {
  child: ChildProcess;
  output: () => string;
} {
  const child = spawn(process.execPath, [join(projectRoot, 'local', 'main.ts')], {
    cwd: projectRoot,
    env: {
      ...process.env,
      PILOTLIGHT_S3_PORT: '0',
      PILOTLIGHT_API_PORT: '0',
      PILOTLIGHT_DATA_DIR: dataDir,
      ...variables,
    },
  });
  processes.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  return { child, output: () => output };
}

async function start(): Promise<Started> {
  const { child, output } = launch();
  await until(() => output().includes('Turn a file into predictions') || child.exitCode !== null);
  const url = (name: string) =>
    new RegExp(`${name} +(http://127\\.0\\.0\\.1:\\d+)`).exec(output())?.[1];
  const urls = { api: url('API'), s3: url('S3') };
  if (urls.api === undefined || urls.s3 === undefined) throw new Error(output());
  return { process: child, output, urls: { api: urls.api, s3: urls.s3 } };
}

async function stop(started: Started, signal: NodeJS.Signals): Promise<number | null> {
  const exit = once(started.process, 'exit');
  started.process.kill(signal);
  const [code] = await exit;
  return code;
}

async function until(condition: () => boolean, withinMs = 60_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await sleep(20);
  }
}

/** Command lines of the processes that run this start's bootstrap. */
async function environmentsLeft(): Promise<string[]> {
  const all = existsSync('/proc/self/cmdline') ? await commandLines() : commandLinesByPs();
  return all.filter((commandLine) => commandLine.includes(join(dataDir, 'tmp')));
}

async function commandLines(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
}

function commandLinesByPs(): string[] {
  return spawnSync('ps', ['-axo', 'command']).stdout.toString().split('\n');
}

const samples = () => readFileSync(join(dataDir, 'samples', 'infer.json'), 'utf8');

async function infer(api: string): Promise<unknown> {
  const response = await fetch(`${api}/v2/models/silero-vad/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: samples(),
  });
  expect(response.status).toBe(200);
  return response.json();
}

describe('npm start', { timeout: 120_000 }, () => {
  it('serves real models, stops on a signal with no process left, and finds its data again', async () => {
    const first = await start();
    expect(first.output()).toContain(
      `published ${sampleModels.map(({ name }) => name).join(', ')}`,
    );
    const prediction = await infer(first.urls.api);
    expect(prediction).toMatchObject({
      model_name: 'silero-vad',
      outputs: [{ name: 'output', shape: [1, 1], datatype: 'FP32' }],
    });
    expect(await stop(first, 'SIGINT')).toBe(0);
    expect(await environmentsLeft()).toEqual([]);

    const second = await start();
    expect(second.output()).not.toContain('published');
    expect(second.output()).not.toContain('bundling');
    expect(await infer(second.urls.api)).toEqual(prediction);
    expect(await stop(second, 'SIGTERM')).toBe(0);
    expect(await environmentsLeft()).toEqual([]);
    expect(existsSync(join(dataDir, 'lock'))).toBe(false);
  });

  it('finishes a transform job that a kill interrupted, every record once', async () => {
    const records = 2000;
    const first = await start();
    const s3 = laptopS3Client(first.urls.s3);
    const lines = `${samples()}\n`.repeat(records);
    await s3.send(
      new PutObjectCommand({
        Bucket: 'pilotlight-jobs',
        Key: 'in/silero-vad/many.jsonl',
        Body: lines,
      }),
    );
    s3.destroy();
    await until(() => first.output().includes('accepted'));
    const killed = once(first.process, 'exit');
    first.process.kill('SIGKILL');
    await killed;
    expect(first.output()).not.toContain('complete');
    expect(existsSync(join(dataDir, 'lock'))).toBe(true);

    const second = await start();
    await until(() => second.output().includes('complete'));
    const again = laptopS3Client(second.urls.s3);
    const Bucket = 'pilotlight-results';
    const { Contents = [] } = await again.send(
      new ListObjectsV2Command({ Bucket, Prefix: 'jobs/' }),
    );
    const parts = Contents.map(({ Key = '' }) => Key).filter((key) =>
      key.includes('/output/part-'),
    );
    let predictions = 0;
    for (const Key of parts.sort()) {
      const part = await again.send(new GetObjectCommand({ Bucket, Key }));
      const text = (await part.Body?.transformToString()) ?? '';
      predictions += text.trimEnd().split('\n').length;
    }
    expect(predictions).toBe(records);
    again.destroy();
    expect(await stop(second, 'SIGINT')).toBe(0);
    // Those of the first one, which was killed, end by themselves once they find nobody to report to.
    await vi.waitFor(async () => expect(await environmentsLeft()).toEqual([]), 20_000);
  });

  it('says in one sentence which port is taken, or not a port', async () => {
    const taken = createServer();
    taken.listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const busy = launch({ PILOTLIGHT_API_PORT: `${port}` });
    expect(await once(busy.child, 'close')).toEqual([1, null]);
    expect(busy.output()).toBe(
      `pilotlight: port ${port} is in use by another program: set PILOTLIGHT_API_PORT to another, or to 0 for a free one\n`,
    );
    taken.close();

    const wrong = launch({ PILOTLIGHT_S3_PORT: 'nine thousand' });
    expect(await once(wrong.child, 'close')).toEqual([1, null]);
    expect(wrong.output()).toBe(
      'pilotlight: PILOTLIGHT_S3_PORT: expected a port from 0 to 65535 (0 for a free one), got "nine thousand"\n',
    );
  });

  it('says at once, and in one sentence, that its folder cannot hold data', async () => {
    const file = join(dataDir, 'file');
    await writeFile(file, '');
    const reasons = [
      ['/proc/nope', '[^;]+; put that right'],
      [file, 'there is a file of that name; put that right'],
      [join(file, 'below'), 'a part of its path is a file; put that right'],
    ] as const;
    for (const [folder, reason] of reasons) {
      const { child, output } = launch({ PILOTLIGHT_DATA_DIR: folder });
      expect(await once(child, 'close')).toEqual([1, null]);
      expect(output()).toMatch(
        new RegExp(
          `^pilotlight: ${folder} cannot hold the laptop's data: ${reason}, or set PILOTLIGHT_DATA_DIR to another folder\n$`,
        ),
      );
    }
  });
});
