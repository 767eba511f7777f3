import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { SeededRandom } from '../support/random.ts';
import type { FuzzRequest } from './requests.ts';
import type { FuzzAnswer } from './verdict.ts';

/** An answer, and how long it took. */
export interface TimedAnswer extends FuzzAnswer {
  readonly durationMs: number;
}

/** API Gateway gives up after 30 s: what takes longer has no answer. */
const limitMs = 35_000;

/** Sends requests over connections that are kept. */
export class FuzzClient {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** @throws Error when there is no answer */
  send({ method, target, headers, body }: FuzzRequest): Promise<TimedAnswer> {
    const startedAt = performance.now();
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest({
        ...{ agent: this.#agent, host: '127.0.0.1', port: this.#port, timeout: limitMs },
        ...{ method, path: target, headers: { ...headers, 'content-length': body.length } },
      });
      outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer in ${limitMs} ms`)));
      outgoing.once('error', reject);
      outgoing.once('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: plainHeaders(response.headers),
            body: Buffer.concat(chunks),
            durationMs: performance.now() - startedAt,
          }),
        );
      });
      outgoing.end(body);
    });
  }

  /**
   * Sends bytes that are hardly HTTP on a connection of their own.
   * @returns the status of the answer; undefined when the connection was closed without one
   */
  sendRaw(bytes: Uint8Array): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#port, '127.0.0.1');
      let text = '';
      socket.setTimeout(limitMs, () => {
        socket.destroy();
        reject(new Error(`raw bytes: neither an answer nor an end in ${limitMs} ms`));
      });
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
      });
      // The server may close it while we are still writing.
      socket.on('error', () => undefined);
      socket.once('close', () => {
        const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(text) ?? [];
        resolve(status === undefined ? undefined : Number(status));
      });
      socket.end(bytes);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function plainHeaders(headers: IncomingHttpHeaders): FuzzAnswer['headers'] {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}

/** A request as it goes over the wire, with a few of its bytes changed: a broken line, length or chunk among them. */
export function rawBytes(request: FuzzRequest, seed: number): Uint8Array {
  const random = new SeededRandom(seed);
  const head = [
    `${request.method} ${request.target} HTTP/1.1`,
    'host: localhost',
    'connection: close',
    random.pick([
      `content-length: ${request.body.length}`,
      `content-length: ${request.body.length + 10}`,
      'content-length: -1',
      'content-length: 5\r\ncontent-length: 6',
      'transfer-encoding: chunked',
      'transfer-encoding: gzip, chunked\r\ncontent-length: 3',
      'expect: 100-continue\r\ncontent-length: 4',
      'upgrade: websocket\r\nconnection: upgrade',
    ]),
    ...Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`),
  ];
  const bytes = Buffer.concat([
    Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'),
    request.body,
  ]);
  const changes = random.integer(0, 5);
  const reach = random.pick([40, 300, bytes.length]);
  for (let change = 0; change < changes; change++) {
    bytes[random.integer(0, Math.min(reach, bytes.length) - 1)] = random.integer(0, 255);
  }
  return bytes.subarray(0, random.chance(0.2) ? random.integer(0, bytes.length) : bytes.length);
}
