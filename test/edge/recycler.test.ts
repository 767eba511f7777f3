import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Lambda, startLambda } from '../../local/lambda/service.ts';

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
  lambda = await startLambda({
    functions: [
      {
        name: 'recycled',
        handler: 'recycled.handler',
        taskRoot: join(folder, 'functions'),
        memoryMiB: 128,
        timeoutMs: 10_000,
        variables: () => ({}),
      },
    ],
    temporaryDir: join(folder, 'tmp'),
    logsDir: join(folder, 'logs'),
  });
});
afterAll(async () => {
  await lambda.close();
  rmSync(folder, { recursive: true, force: true });
});

it('an environment whose memory does not come down ends between two calls, and no call is lost', async () => {
  const processIds = new Set<unknown>();
  for (let call = 0; call < 5; call++) {
    const result = await lambda.invoke('recycled', JSON.stringify({ call }));
    if (result.kind !== 'success') throw new Error(JSON.stringify(result));
    const { event, processId } = JSON.parse(result.payload);
    expect(event).toEqual({ call });
    processIds.add(processId);
  }
  expect(processIds.size).toBe(5);
});
