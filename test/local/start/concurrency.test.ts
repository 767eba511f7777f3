import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LaptopCloud, startLaptopCloud } from '../../../local/cloud.ts';
import { laptopS3Client, publishSampleModels } from '../../../local/sample-models.ts';

/** A MobileNet that tells which way up a line of text is: rows of 3 x 48 x 192 to rows of 2. */
const model = 'ocr-classifier';
const rowShape = [3, 48, 192];
const rowValues = 3 * 48 * 192;

const clients = 16;
const requestsPerClient = 3;
const maximumRequests = 4_800;

let dataDir: string;
let cloud: LaptopCloud;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'pilotlight-concurrency-test-'));
  cloud = await startLaptopCloud({ dataDir, apiConcurrency: clients });
  const s3 = laptopS3Client(cloud.urls.s3);
  await publishSampleModels(s3, cloud.buckets.models);
  s3.destroy();
}, 120_000);
afterAll(async () => {
  await cloud.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** One row that nobody else sends, in the protocol's binary form, which carries it exactly. */
function requestBody(owner: number): { readonly body: Buffer; readonly headerBytes: number } {
  const tensor = { name: 'x', shape: [1, ...rowShape], datatype: 'FP32' };
  const header = Buffer.from(
    JSON.stringify({
      inputs: [{ ...tensor, parameters: { binary_data_size: rowValues * 4 } }],
    }),
  );
  const values = Float32Array.from({ length: rowValues }, (_, index) =>
    Math.sin((index + 1) * (owner + 1) * 0.01),
  );
  return { body: Buffer.concat([header, Buffer.from(values.buffer)]), headerBytes: header.length };
}

async function infer(owner: number): Promise<readonly number[]> {
  const { body, headerBytes } = requestBody(owner);
  const response = await fetch(`${cloud.urls.api}/v2/models/${model}/infer`, {
    method: 'POST',
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': `${headerBytes}`,
    },
    body: new Uint8Array(body),
  });
  const document: unknown = await response.json();
  expect(response.status, JSON.stringify(document)).toBe(200);
  const [output] = Object(document).outputs;
  expect(output.shape).toEqual([1, 2]);
  return output.data;
}

interface Statistics {
  readonly rows: number;
  readonly executions: number;
}

async function statistics(): Promise<Statistics> {
  const response = await fetch(`${cloud.urls.api}/v2/models/${model}/stats`);
  const [stats] = Object(await response.json()).model_stats;
  return { rows: stats.inference_count, executions: stats.execution_count };
}

describe('clients of one environment that takes many calls at a time', () => {
  it('share runs, and each has the rows that are its own', { timeout: 120_000 }, async () => {
    const owners = Array.from({ length: clients }, (_, owner) => owner);
    const alone: (readonly number[])[] = [];
    for (const owner of owners) alone.push(await infer(owner));
    // Otherwise rows could change places unseen.
    expect(new Set(alone.map(([first]) => first?.toFixed(6))).size).toBe(clients);
    const before = await statistics();

    // Which calls meet in a run depends on what else the machine does: rounds go on until some have.
    let after = before;
    let requests = 0;
    while (requests < maximumRequests && after.executions - before.executions === requests) {
      await Promise.all(
        owners.map(async (owner) => {
          for (let request = 0; request < requestsPerClient; request++) {
            const [first = Number.NaN, second = Number.NaN] = await infer(owner);
            expect(first).toBeCloseTo(alone[owner]?.[0] ?? Number.NaN, 5);
            expect(second).toBeCloseTo(alone[owner]?.[1] ?? Number.NaN, 5);
          }
        }),
      );
      requests += clients * requestsPerClient;
      after = await statistics();
      expect(after.rows - before.rows).toBe(requests);
    }
    expect(after.executions - before.executions).toBeLessThan(requests);
    const [apiFunction = ''] = cloud.api.routes.map(({ functionName }) => functionName);
    expect(cloud.lambda.counts(apiFunction)).toEqual({ starting: 0, idle: 1, busy: 0, started: 1 });
  });
});
