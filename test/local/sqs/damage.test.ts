import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import {
  clientOf,
  errorOf,
  type OnTestFinished,
  ownServer,
  QueueBench,
  temporaryDir,
} from './harness.ts';

const queues = [{ name: 'main' }];

describe('a journal of a queue that is damaged', () => {
  it('costs the damaged lines alone, and is told of once, with file and bytes', async ({
    onTestFinished,
  }) => {
    const dataDir = await temporaryDir();
    onTestFinished(async () => await rm(dataDir, { recursive: true, force: true }));
    const journal = join(dataDir, 'main', 'messages.jsonl');
    const problems: string[] = [];
    const onProblem = (sentence: string) => problems.push(sentence);

    const first = await ownServer({ dataDir, queues, onProblem });
    for (const body of ['one', 'two', 'three']) await first.server.send('main', body);
    first.client.destroy();
    await first.server.close();
    const [one = '', two = '', three = ''] = (await readFile(journal, 'utf8')).split('\n');
    const half = two.slice(0, 50);
    const empty = one.replace('"attributes":{}', '"attributes":null');
    const lacking = one.replace('"attributes":{}', '"attributes":{"a":{"dataType":1}}');
    expect(new Set([one, empty, lacking]).size).toBe(3);
    const damaged = `${one}\n${half}\n${empty}\n${lacking}\n${three}\n["put",{"key":"cut`;
    await writeFile(journal, damaged);
    expect(problems).toEqual([]);

    const second = await ownServer({ dataDir, queues, onProblem });
    expect(problems).toEqual([
      `${journal} is damaged and kept as messages.jsonl.damaged: dropped ${half.length + empty.length + lacking.length + 3} bytes of lines that are damaged (3) and 18 bytes of a record that was cut short at its end`,
    ]);
    expect(await readFile(`${journal}.damaged`, 'utf8')).toBe(damaged);
    const bench = new QueueBench(second.client);
    const url = second.server.queueUrl('main');
    const bodies = (await bench.receive(url, { MaxNumberOfMessages: 10 })).map(({ Body }) => Body);
    expect(bodies).toEqual(['one', 'three']);
    second.client.destroy();
    await second.server.close();

    const third = await ownServer({ dataDir, queues, onProblem });
    onTestFinished(third.dispose);
    expect(problems).toHaveLength(1);
    expect(third.server.depth('main').visible).toBe(2);
  });
});

describe('a server without room', () => {
  /** One whose files may not grow beyond 16 blocks of 512 bytes: the kernel refuses what a full disk would. */
  async function startWithRoom(onTestFinished: OnTestFinished) {
    const dataDir = await temporaryDir();
    onTestFinished(async () => await rm(dataDir, { recursive: true, force: true }));
    const fixture = join(import.meta.dirname, 'fixtures', 'server-process.ts');
    const args = ['-c', 'ulimit -f 16; exec "$0" "$@"', process.execPath, fixture, dataDir];
    const child = spawn('sh', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [port] = await once(createInterface(child.stdout), 'line');
    const client = clientOf(`http://127.0.0.1:${port}`, { maxAttempts: 1 });
    onTestFinished(() => client.destroy());
    const url = `http://127.0.0.1:${port}/000000000000/main`;
    const send = (body: string) => new QueueBench(client).send(url, body);
    const kill = async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    };
    return { dataDir, send, kill };
  }

  async function bodiesOf({ server, client }: Awaited<ReturnType<typeof ownServer>>) {
    const options = { MaxNumberOfMessages: 10 };
    const found = await new QueueBench(client).receive(server.queueUrl('main'), options);
    return found.map(({ Body }) => Body);
  }

  it('refuses a message with the folder and the reason, and keeps those that it took', async ({
    onTestFinished,
  }) => {
    const { dataDir, send, kill } = await startWithRoom(onTestFinished);
    await send('small');
    const error = await errorOf(send('x'.repeat(20_000)));
    expect(error.name).toBe('ServiceUnavailable');
    expect(error.message).toBe(
      `${dataDir} cannot be used: a file there may not grow any more (ulimit -f); raise that limit and try again`,
    );
    await send('fits again');
    await kill();

    const again = await ownServer({ dataDir, queues });
    onTestFinished(again.dispose);
    expect(await bodiesOf(again)).toEqual(['small', 'fits again']);
  });

  it('leaves nothing of a message that went out in part, which would pass for damage', async ({
    onTestFinished,
  }) => {
    const { dataDir, send, kill } = await startWithRoom(onTestFinished);
    await send('small');
    await errorOf(send('x'.repeat(20_000)));
    await kill();

    const problems: string[] = [];
    const onProblem = (sentence: string) => problems.push(sentence);
    const again = await ownServer({ dataDir, queues, onProblem });
    onTestFinished(again.dispose);
    expect(problems).toEqual([]);
    expect(await bodiesOf(again)).toEqual(['small']);
  });
});
