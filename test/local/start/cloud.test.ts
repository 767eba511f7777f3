import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Build } from '../../../local/build.ts';
import { type LaptopCloud, startLaptopCloud } from '../../../local/cloud.ts';
import { laptopS3Client } from '../../../local/sample-models.ts';
import { writeSmallStack } from './small-stack.ts';

let folder: string;
let dataDir: string;
let build: Build;
let clouds: LaptopCloud[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pilotlight-cloud-test-'));
  dataDir = join(folder, 'data');
  build = await writeSmallStack(folder);
  clouds = [];
});
afterEach(async () => {
  await Promise.all(clouds.map((cloud) => cloud.close()));
  await rm(folder, { recursive: true, force: true });
});

async function start(
  options: Partial<Parameters<typeof startLaptopCloud>[0]> = {},
): Promise<LaptopCloud> {
  const cloud = await startLaptopCloud({ dataDir, build, ...options });
  clouds.push(cloud);
  return cloud;
}

async function withS3<T>(cloud: LaptopCloud, use: (s3: S3Client) => Promise<T>): Promise<T> {
  const s3 = laptopS3Client(cloud.urls.s3);
  try {
    return await use(s3);
  } finally {
    s3.destroy();
  }
}

function upload(cloud: LaptopCloud, key: string, text: string): Promise<unknown> {
  return withS3(cloud, (s3) =>
    s3.send(new PutObjectCommand({ Bucket: cloud.buckets.jobs, Key: key, Body: text })),
  );
}

/** The text of a result, as soon as it is there. */
function result(cloud: LaptopCloud, key: string): Promise<string | undefined> {
  return withS3(cloud, async (s3) => {
    for (let tries = 0; tries < 200; tries++) {
      try {
        const command = new GetObjectCommand({ Bucket: cloud.buckets.results, Key: key });
        return await (await s3.send(command)).Body?.transformToString();
      } catch {
        await sleep(50);
      }
    }
    throw new Error(`${key} did not come`);
  });
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await sleep(20);
  }
}

describe('the laptop cloud', () => {
  it('calls the function of a route, and tells it where everything is', async () => {
    const cloud = await start();
    const response = await fetch(`${cloud.urls.api}/v2/models/x`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      rawPath: '/v2/models/x',
      environment: {
        PILOTLIGHT_MODELS_BUCKET: 'models',
        QUEUE_URL: `${cloud.urls.sqs}/000000000000/work`,
        AWS_ENDPOINT_URL_S3: cloud.urls.s3,
        AWS_ENDPOINT_URL_SQS: cloud.urls.sqs,
        AWS_ENDPOINT_URL_EVENTBRIDGE: cloud.urls.events,
        ORT_DISABLE_TELEMETRY: '1',
        PILOTLIGHT_ONNXRUNTIME_DIR: expect.stringContaining('onnxruntime-node'),
      },
    });
    expect(cloud.lambda.counts('fn')).toMatchObject({ started: 1 });
    expect(cloud.buckets).toEqual({ models: 'models', jobs: 'jobs', results: 'results' });
  });

  it('leads an upload through its queue to a function, and tells of results and events', async () => {
    const results: string[] = [];
    const cloud = await start({ onResult: (key) => results.push(key) });
    await upload(cloud, 'elsewhere/a.txt', 'not watched');
    await upload(cloud, 'in/a b+ü.txt', 'hello');
    expect(await result(cloud, 'jobs/in/a b+ü.txt')).toBe('HELLO');
    await until(() => results.length > 0 && cloud.events.events.length > 0);
    expect(results).toEqual(['jobs/in/a b+ü.txt']);
    expect(cloud.events.events).toMatchObject([
      { busName: 'bus', detailType: 'Copied', detail: { key: 'in/a b+ü.txt' } },
    ]);
  });

  it('gives up a message that keeps killing its function', async () => {
    const cloud = await start();
    await upload(cloud, 'in/poison.txt', 'poison');
    await until(() => cloud.sqs.depth('dead-letters').visible === 1);
    await upload(cloud, 'in/good.txt', 'good');
    expect(await result(cloud, 'jobs/in/good.txt')).toBe('GOOD');
  });

  it('says at its start, in a line for each file, what damaged journals have lost', async () => {
    const first = await start();
    await upload(first, 'kept', 'x');
    await first.close();
    const objects = join(dataDir, 's3', 'journal.jsonl');
    const messages = join(dataDir, 'sqs', 'work', 'messages.jsonl');
    await appendFile(objects, '{"op":"pu');
    await appendFile(messages, '["put",{');
    const problems: string[] = [];
    await start({ onProblem: (sentence) => problems.push(sentence) });
    const cut = (bytes: number) =>
      `dropped ${bytes} bytes of a record that was cut short at its end`;
    expect(problems).toEqual([
      `SQS: ${messages} is damaged and kept as messages.jsonl.damaged: ${cut(8)}`,
      `S3: ${objects} is damaged and kept as journal.jsonl.damaged: ${cut(9)}`,
    ]);
  });

  it('names the variable, the folder and the file when a start finds no way to write', async () => {
    const first = await start();
    await first.close();
    await rm(join(dataDir, 's3'), { recursive: true });
    await writeFile(join(dataDir, 's3'), '');
    await expect(start()).rejects.toThrow(
      `${dataDir} cannot hold the laptop's data: there is a file of that name (s3); put that right, or set PILOTLIGHT_DATA_DIR to another folder`,
    );
  });

  it('delivers what was uploaded, and does again what was under way, after a restart', async () => {
    const first = await start();
    await upload(first, 'in/kept.txt', 'slow');
    await until(() => first.lambda.counts('copy').busy === 1);
    await withS3(first, (s3) =>
      s3.send(new PutObjectCommand({ Bucket: 'jobs', Key: 'in/kept.txt', Body: 'quick' })),
    );
    await first.close();
    const second = await start();
    expect(await result(second, 'jobs/in/kept.txt')).toBe('QUICK');
    await until(() => second.sqs.depth('work').inFlight + second.sqs.depth('work').visible === 0);
    expect(second.sqs.depth('dead-letters').visible).toBe(0);
  });

  it('refuses a data folder that is in use, and gives it back when it cannot start', async () => {
    const { urls } = await start();
    await expect(start()).rejects.toThrow('is in use by another laptop cloud');
    const other = join(folder, 'other');
    const port = Number(new URL(urls.api).port);
    await expect(start({ dataDir: other, ports: { api: port } })).rejects.toThrow(`port ${port}`);
    await start({ dataDir: other });
  });
});
