import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Lambda, startLambda } from '../../local/lambda/service.ts';

const concurrency = 16;

let folder: string;
let lambda: Lambda;
let lines: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pilotlight-observed-'));
  lines = [];
  await build({
    entryPoints: [fileURLToPath(new URL('fixtures/observed.ts', import.meta.url))],
    outdir: join(folder, 'functions'),
    outExtension: { '.js': '.mjs' },
    // What is loaded late, and here never, stays apart.
    splitting: true,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  lambda = await startLambda({
    functions: [
      {
        name: 'observed',
        handler: 'observed.handler',
        taskRoot: join(folder, 'functions'),
        memoryMiB: 512,
        timeoutMs: 10_000,
        environmentConcurrency: concurrency,
        variables: () => ({ POWERTOOLS_SERVICE_NAME: 'test' }),
      },
    ],
    temporaryDir: join(folder, 'tmp'),
    logsDir: join(folder, 'logs'),
    onLogLine: (_, line) => lines.push(line),
  });
});
afterAll(async () => {
  await lambda.close();
  rmSync(folder, { recursive: true, force: true });
});

function logged(): Record<string, unknown>[] {
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
}

describe('of several invocations at a time', () => {
  const calls = Array.from({ length: 3 * concurrency }, (_, index) => index + 1);

  beforeAll(async () => {
    await Promise.all(
      calls.map((call) =>
        lambda.invoke('observed', JSON.stringify({ call, ms: 10 + ((call * 7) % 40) })),
      ),
    );
    const released = () => logged().filter(({ message }) => message === 'model released');
    await vi.waitFor(() => expect(released()).toHaveLength(calls.length), 5000);
    expect(lambda.counts('observed').started).toBe(3);
  });

  it('each logs under its own id, with its own keys', () => {
    const halfway = logged().filter(({ message }) => message === 'half way');
    expect(halfway.map(({ call }) => call).toSorted((a, b) => Number(a) - Number(b))).toEqual(
      calls,
    );
    for (const { function_request_id: id, own } of halfway) expect(id).toBe(own);
  });

  it('each writes its own metrics and no others', () => {
    const written = logged().filter((line) => 'Begun' in line);
    expect(written).toHaveLength(calls.length);
    for (const { Begun, Ended } of written) expect(Ended).toBe(Begun);
  });

  it('none takes with it what is counted after its end', () => {
    const evictions = logged().filter((line) => 'SessionCacheEvictions' in line);
    expect(evictions).toHaveLength(calls.length);
  });

  it('one that measures nothing says nothing about it', async () => {
    const before = lines.length;
    await lambda.invoke('observed', JSON.stringify({ call: 0, ms: 0 }));
    await expect.poll(() => lines.slice(before).join()).toContain('platform.report');
    expect(lines.slice(before).join()).not.toContain('No application metrics');
  });
});
