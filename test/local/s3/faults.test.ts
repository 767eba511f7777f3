import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FaultInjector } from '../../../local/s3/faults.ts';
import type { S3FaultPlan, S3RequestFault } from '../../../local/s3/server.ts';
import { codeOf, rawRequest, startTestS3, type TestS3 } from '../../support/s3-server.ts';

let s3: TestS3;
beforeEach(async () => {
  s3 = await startTestS3({ buckets: [{ name: 'b' }] });
});
afterEach(() => s3.close());

const everything = 'x'.repeat(300_000);

function put(body = everything) {
  const headers = { 'content-length': String(body.length) };
  return rawRequest(s3.server.url, 'PUT', '/b/k', headers, body);
}

function get() {
  return rawRequest(s3.server.url, 'GET', '/b/k');
}

/** The one fault for every first try, and none for the second. */
function once(fault: S3RequestFault): S3FaultPlan {
  return { slowBodyMs: 80, decide: ({ attempt }) => (attempt === 0 ? fault : undefined) };
}

describe('on the wire', () => {
  test.each([
    ['internalError', 500, 'InternalError'],
    ['slowDown', 503, 'SlowDown'],
  ] as const)('%s answers %i and does nothing', async (fault, status, code) => {
    s3.server.setFaults(once(fault));
    const refused = await put();
    expect([refused.statusCode, codeOf(refused)]).toEqual([status, code]);
    s3.server.setFaults(undefined);
    expect(codeOf(await get())).toBe('NoSuchKey');
    expect(s3.server.faultCounts).toEqual({ [fault]: 1 });
  });

  test('resetBeforeAnswer breaks the connection and does nothing', async () => {
    s3.server.setFaults(once('resetBeforeAnswer'));
    await expect(put()).rejects.toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) });
    s3.server.setFaults(undefined);
    expect(codeOf(await get())).toBe('NoSuchKey');
  });

  test('lostResponse does the work and breaks the connection', async () => {
    s3.server.setFaults(once('lostResponse'));
    await expect(put()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect((await get()).body).toBe(everything);
  });

  test('resetMidBody gives half of the body', async () => {
    await put();
    s3.server.setFaults(once('resetMidBody'));
    const response = await fetch(`${s3.server.url}/b/k`);
    expect(response.headers.get('content-length')).toBe(String(everything.length));
    let received = 0;
    await expect(async () => {
      for await (const chunk of response.body ?? []) received += chunk.byteLength;
    }).rejects.toThrow();
    expect(received).toBeGreaterThan(0);
    expect(received).toBeLessThanOrEqual(everything.length / 2);
    expect((await get()).body).toBe(everything);
  });

  test('slowBody takes its time and gives everything', async () => {
    await put();
    s3.server.setFaults(once('slowBody'));
    const start = performance.now();
    expect((await get()).body).toBe(everything);
    expect(performance.now() - start).toBeGreaterThan(80);
  });

  test.each([
    'internalError',
    'slowDown',
    'resetBeforeAnswer',
    'resetMidBody',
    'slowBody',
    'lostResponse',
  ] as const)('the SDK gets through %s by trying again', async (fault) => {
    s3.server.setFaults(once(fault));
    const { client } = s3;
    const address = { Bucket: 'b', Key: 'sdk' };
    await client.send(new PutObjectCommand({ ...address, Body: everything }));
    await client.send(new HeadObjectCommand(address));
    const read = async () => {
      const { Body } = await client.send(new GetObjectCommand(address));
      return Body?.transformToString();
    };
    // A body that breaks is the reader's to ask for again: the SDK hands it on as it comes.
    if (fault === 'resetMidBody') await expect(read()).rejects.toThrow();
    expect(await read()).toBe(everything);
    await client.send(new DeleteObjectCommand(address));
    expect(s3.server.faultCounts[fault]).toBeGreaterThan(0);
  });
});

test('faults are set and read over HTTP while the server runs', async () => {
  const faults = `${s3.server.url}/_pilotlight/faults`;
  const set = (plan: unknown, type = 'application/json') =>
    fetch(faults, {
      method: 'PUT',
      headers: { 'content-type': type },
      body: JSON.stringify(plan),
    });
  expect((await set({ seed: 9, rates: { slowDown: 1 } })).status).toBe(200);
  expect(codeOf(await get())).toBe('SlowDown');
  expect(await (await fetch(faults)).json()).toMatchObject({
    plan: { seed: 9, rates: { slowDown: 1, lostResponse: 0 }, slowBodyMs: 200 },
    counts: { slowDown: 1 },
  });
  expect((await set(null)).status).toBe(200);
  expect(codeOf(await get())).toBe('NoSuchKey');
  const refused = await set({ seed: 1, rates: { slowDown: 2 } });
  expect(refused.status).toBe(400);
  expect(Object(await refused.json()).message).toContain('rates.slowDown');
  expect((await set({ seed: 1, rates: {}, decide: 'never' })).status).toBe(400);
  expect((await set({ seed: 1, rates: { slowDown: 1 } }, 'text/plain')).status).toBe(400);
  expect(codeOf(await get())).toBe('NoSuchKey');
});

test('a key of that name in a bucket of the host is a key', async () => {
  const host = { host: 'b.localhost' };
  const path = '/_pilotlight/faults';
  await rawRequest(s3.server.url, 'PUT', path, { ...host, 'content-length': '1' }, 'x');
  expect((await rawRequest(s3.server.url, 'GET', path, host)).body).toBe('x');
});

describe('a seed', () => {
  const rates = { internalError: 0.2, slowDown: 0.2, lostResponse: 0.1, resetBeforeAnswer: 0.1 };
  const requests = Array.from({ length: 500 }, (_, index) => ({
    method: 'PUT',
    operation: 'PutObject',
    bucket: 'b',
    key: `k${index % 100}`,
    discriminator: '',
  }));
  const decisions = (injector: FaultInjector, order: typeof requests) =>
    Map.groupBy(
      order.map((request) => ({ key: request.key, fault: injector.forRequest(request) })),
      ({ key }) => key,
    );

  test('makes the same faults for the same requests, whatever their order', () => {
    const forwards = new FaultInjector({ seed: 1, rates });
    const backwards = new FaultInjector({ seed: 1, rates });
    const first = decisions(forwards, requests);
    const second = decisions(backwards, requests.toReversed());
    for (const [key, faults] of first) expect(second.get(key)).toEqual(faults);
    expect(forwards.counts).toEqual(backwards.counts);
  });

  test('makes others than another seed, at about the rates', () => {
    const one = new FaultInjector({ seed: 1, rates });
    const two = new FaultInjector({ seed: 2, rates });
    expect(decisions(one, requests)).not.toEqual(decisions(two, requests));
    const share = (one.counts.internalError ?? 0) / requests.length;
    expect(share).toBeGreaterThan(0.12);
    expect(share).toBeLessThan(0.28);
  });

  test('never puts a fault where it cannot happen', () => {
    const injector = new FaultInjector({ seed: 1, rates: { resetMidBody: 1 } });
    for (const request of requests) expect(injector.forRequest(request)).toBeUndefined();
    const lost = new FaultInjector({ seed: 1, rates: { lostResponse: 1 } });
    for (const method of ['GET', 'HEAD']) {
      expect(lost.forRequest({ ...requests[0], method } as (typeof requests)[0])).toBeUndefined();
    }
  });
});

describe('notifications', () => {
  async function keysDelivered(plan: S3FaultPlan, expected: number): Promise<readonly string[]> {
    const keys: string[] = [];
    await s3.close();
    s3 = await startTestS3({
      buckets: [{ name: 'b' }],
      faults: plan,
      notifications: [
        {
          id: 'n',
          bucket: 'b',
          events: ['s3:ObjectCreated:*'],
          deliver: async (message) => {
            const { Records } = JSON.parse(message) as {
              Records?: { s3: { object: { key: string } } }[];
            };
            keys.push(...(Records ?? []).map((record) => record.s3.object.key));
          },
        },
      ],
    });
    for (let index = 0; index < 20; index += 1) {
      const Key = String(index).padStart(2, '0');
      await s3.client.send(new PutObjectCommand({ Bucket: 'b', Key, Body: 'x' }));
    }
    await expect.poll(() => keys, { timeout: 5000 }).toHaveLength(expected);
    return keys;
  }

  test('come twice', async () => {
    const rates = { duplicateNotification: 1 };
    const keys = await keysDelivered({ seed: 1, rates, notificationDelayMs: 100 }, 40);
    expect(new Set(keys).size).toBe(20);
    // The test message of a fresh folder is doubled too.
    expect(s3.server.faultCounts).toEqual({ duplicateNotification: 21 });
  });

  test('come late and in another order', async () => {
    const rates = { delayNotification: 0.5 };
    const keys = await keysDelivered({ seed: 1, rates, notificationDelayMs: 300 }, 20);
    expect(new Set(keys).size).toBe(20);
    expect(keys).not.toEqual(keys.toSorted());
  });
});
