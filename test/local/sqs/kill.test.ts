import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DeleteMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import {
  clientOf,
  eventually,
  type OnTestFinished,
  ownServer,
  QueueBench,
  temporaryDir,
} from './harness.ts';

async function startProcess(onTestFinished: OnTestFinished, dataDir: string) {
  const fixture = join(import.meta.dirname, 'fixtures', 'server-process.ts');
  const child = spawn(process.execPath, [fixture, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [port] = await once(createInterface(child.stdout), 'line');
  const client = clientOf(`http://127.0.0.1:${port}`, { maxAttempts: 1 });
  onTestFinished(() => client.destroy());
  const url = `http://127.0.0.1:${port}/000000000000/main`;
  return { child, client, url, bench: new QueueBench(client) };
}

describe('a server that is killed', () => {
  it('has lost no message that it took, and brings back none that it deleted', async ({
    onTestFinished,
  }) => {
    const dataDir = await temporaryDir();
    onTestFinished(async () => await rm(dataDir, { recursive: true, force: true }));
    const { child, client, url, bench } = await startProcess(onTestFinished, dataDir);
    const sent = new Set<string>();
    const perhapsGone = new Set<string>();
    const deleted = new Set<string>();
    /** One of several that send and delete until the server is gone. */
    const work = async (worker: number) => {
      for (let n = 0; ; n += 1) {
        const body = `${worker}-${n} ${'x'.repeat(5000)}`;
        await bench.send(url, body);
        sent.add(body);
        if (n % 3 !== 0) continue;
        const { Body = '', ReceiptHandle } = await bench.receiveOne(url);
        perhapsGone.add(Body);
        await client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }));
        deleted.add(Body);
      }
    };
    const workers = [0, 1, 2, 3].map((worker) => work(worker).catch(() => undefined));
    await eventually(
      () => deleted.size,
      (count) => count >= 20,
    );
    child.kill('SIGKILL');
    await Promise.all(workers);
    const kept = [...sent].filter((body) => !perhapsGone.has(body));
    expect(kept.length).toBeGreaterThan(20);

    const again = await ownServer({ dataDir, queues: [{ name: 'main' }] });
    onTestFinished(again.dispose);
    const found = new Set<string>();
    const survivors = new QueueBench(again.client);
    for (;;) {
      const messages = await survivors.receive(again.server.queueUrl('main'), {
        MaxNumberOfMessages: 10,
      });
      if (messages.length === 0) break;
      for (const { Body = '' } of messages) found.add(Body);
    }
    expect(kept.filter((body) => !found.has(body))).toEqual([]);
    expect([...deleted].filter((body) => found.has(body))).toEqual([]);
  });
});
