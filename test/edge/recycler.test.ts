import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lambda, startLambda } from '../../local/lambda/service.ts';
import { Recycler } from '../../src/edge/recycler.ts';

let folder: string;
let lambda: Lambda;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pilotlight-recycler-'));
  await build({
    entryPoints: [fileURLToPath(new URL('fixtures/recycled.ts', import.meta.url))],
    outfile: join(folder, 'functions/recycled.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
  const settings = {
    handler: 'recycled.handler',
    taskRoot: join(folder, 'functions'),
    memoryMiB: 128,
    timeoutMs: 10_000,
    variables: () => ({}),
  };
  lambda = await startLambda({
    functions: [
      { name: 'one-at-a-time', ...settings },
      { name: 'many-at-a-time', ...settings, environmentConcurrency: 8 },
    ],
    temporaryDir: join(folder, 'tmp'),
    logsDir: join(folder, 'logs'),
  });
});
afterAll(async () => {
  await lambda.close();
  rmSync(folder, { recursive: true, force: true });
});

async function invoke(functionName: string, call: number): Promise<number> {
  const result = await lambda.invoke(functionName, JSON.stringify({ call }));
  if (result.kind !== 'success') throw new Error(JSON.stringify(result));
  const { event, processId } = JSON.parse(result.payload);
  expect(event).toEqual({ call });
  return processId;
}

it('looks at the memory behind each invocation that takes a while, and now and then behind short ones', () => {
  let nowMs = 0;
  const looks: number[] = [];
  const recycler = new Recycler({
    ceilingBytes: 100,
    residentBytes: () => {
      looks.push(nowMs);
      return 50;
    },
    nowMs: () => nowMs,
    release: () => false,
    exit: () => undefined,
    onRecycle: () => undefined,
  });
  for (const invocationMs of [1, 5, 5, 5, 5, 100, 20, 19, 1]) {
    recycler.begin();
    nowMs += invocationMs;
    recycler.end();
  }
  expect(looks).toEqual([1, 21, 121, 141, 161]);
});

describe('an environment whose memory does not come down', () => {
  it('ends between two calls, and no call is lost', async () => {
    const processIds = new Set<number>();
    for (let call = 0; call < 5; call++) processIds.add(await invoke('one-at-a-time', call));
    expect(processIds.size).toBe(5);
  });

  it('ends when the last of several calls at a time is answered, and none is lost', async () => {
    for (let round = 0; round < 3; round++) {
      const begun = [0, 1, 2, 3].map((call) => invoke('many-at-a-time', call));
      await setTimeout(10);
      const joined = [4, 5, 6, 7].map((call) => invoke('many-at-a-time', call));
      expect(new Set(await Promise.all([...begun, ...joined])).size).toBe(1);
      await expect.poll(() => lambda.counts('many-at-a-time').idle).toBe(0);
      expect(lambda.counts('many-at-a-time').started).toBe(round + 1);
    }
  });
});
