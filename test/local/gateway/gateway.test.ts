import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../../../local/gateway/server.ts';
import { type LaptopApi, startLaptopApi } from './laptop-api.ts';

const running: LaptopApi[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.close()));
});

async function start(settings: Parameters<typeof startLaptopApi>[0] = {}): Promise<Gateway> {
  const laptop = await startLaptopApi(settings);
  running.push(laptop);
  return laptop.gateway;
}

/** Sends bytes as they are, and gives back what comes. */
function sendRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
    });
    socket.on('close', () => resolve(received));
    socket.on('error', reject);
  });
}

describe('the gateway', () => {
  it('stops waiting when the integration takes too long', async () => {
    const { url } = await start({ timeoutMs: 200 });
    const response = await fetch(`${url}/any/x?do=sleep`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ message: 'Service Unavailable' });
  });

  it('is unavailable to calls that Lambda throttles', async () => {
    const { url } = await start({ reservedConcurrency: 1 });
    const responses = await Promise.all([1, 2].map(() => fetch(`${url}/any/x?do=sleep`)));
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 503]);
  });

  it('tells methods apart', async () => {
    const { url } = await start();
    expect((await fetch(`${url}/only/get`)).status).toBe(200);
    expect((await fetch(`${url}/only/get`, { method: 'POST' })).status).toBe(404);
  });

  it('has the name of a stage in front of its paths', async () => {
    const { url } = await start({ stageName: 'dev' });
    const event = await (await fetch(`${url}/dev/any/x`)).json();
    expect(event).toMatchObject({ rawPath: '/dev/any/x', requestContext: { stage: 'dev' } });
    expect((await fetch(`${url}/any/x`)).status).toBe(404);
  });

  it('answers bad HTTP with 400 and goes on', async () => {
    const { url, port } = await start();
    const answer = await sendRaw(port, 'NOT HTTP AT ALL\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('{"message":"Bad Request"}');
    const badPath = await sendRaw(
      port,
      'GET /any/%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
    );
    expect(badPath).toMatch(/^HTTP\/1\.1 400 /);
    expect((await fetch(`${url}/any/x`)).status).toBe(200);
  });

  it('survives clients that leave, before and after their request is complete', async () => {
    const { url, port } = await start();
    for (const head of ['GET /any/x?do=sleep', 'POST /any/x']) {
      const socket = connect(port, '127.0.0.1');
      socket.write(`${head} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345`);
      await sleep(20);
      socket.destroy();
    }
    const leaving = new AbortController();
    const left = fetch(`${url}/any/x?do=sleep`, { signal: leaving.signal });
    await sleep(50);
    leaving.abort();
    await expect(left).rejects.toThrow();
    expect((await fetch(`${url}/any/x`)).status).toBe(200);
  });

  it('lets open calls finish when it closes', async () => {
    const gateway = await start();
    const open = fetch(`${gateway.url}/any/x?do=sleep`);
    await sleep(100);
    await gateway.close(5000);
    expect((await open).status).toBe(200);
    await expect(fetch(`${gateway.url}/any/x`)).rejects.toThrow();
  });

  it('says which port is taken', async () => {
    const { port } = await start();
    const api = { logicalId: 'Api', stageName: '$default', routes: [], cors: undefined };
    const second = startGateway({ port, api, invoke: async () => ({ kind: 'throttled' }) });
    await expect(second).rejects.toThrow(`port ${port} is in use by another program`);
  });
});

describe('CORS', () => {
  const cors = {
    allowOrigins: ['https://app.example'],
    allowMethods: ['POST', 'GET'],
    allowHeaders: ['content-type'],
    exposeHeaders: ['inference-header-content-length'],
    maxAgeSeconds: 300,
    allowCredentials: false,
  };
  const preflight = (origin: string) => ({
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST' },
  });

  it('answers preflights itself, whatever the path', async () => {
    const { url } = await start({ cors });
    const response = await fetch(`${url}/only/get`, preflight('https://app.example'));
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-methods': 'POST,GET',
      'access-control-allow-headers': 'content-type',
      'access-control-max-age': '300',
    });
  });

  it('allows nothing to other origins', async () => {
    const { url } = await start({ cors });
    const response = await fetch(`${url}/any/x`, preflight('https://evil.example'));
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('exposes headers of answers to allowed origins', async () => {
    const { url } = await start({ cors });
    const response = await fetch(`${url}/any/x`, { headers: { origin: 'https://app.example' } });
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(response.headers.get('access-control-expose-headers')).toBe(
      'inference-header-content-length',
    );
  });

  it('is left to the function where the API has none', async () => {
    const { url } = await start();
    const response = await fetch(`${url}/any/x`, preflight('https://app.example'));
    expect(response.status).toBe(200);
  });
});
