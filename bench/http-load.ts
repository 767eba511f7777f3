import { connect, type Socket } from 'node:net';

/** A POST that is sent again and again. */
export interface LoadRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

export interface Answer {
  readonly statusCode: number;
  readonly body: Buffer;
}

/** What a number of requests came to. */
export interface Load {
  /** Of each request, in milliseconds. */
  readonly latenciesMs: readonly number[];
  /** From the first to the last. */
  readonly elapsedMs: number;
}

/**
 * One connection that is kept alive. The request's bytes are made once and nothing of the answer is parsed but its
 * status and its length, so that on a machine with two cores the client takes as little as it can from the server.
 */
class Connection {
  readonly #socket: Socket;
  readonly #request: Buffer;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  /** Of head and body together; undefined until the head is there. */
  #answerBytes: number | undefined;
  #headBytes = 0;
  #settle: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;

  constructor({ url, headers, body }: LoadRequest) {
    const { hostname, port, pathname } = new URL(url);
    const bytes = Buffer.from(body);
    const head = [
      `POST ${pathname} HTTP/1.1`,
      `host: ${hostname}:${port}`,
      `content-length: ${bytes.byteLength}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    this.#request = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]);
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.#settle?.reject(error));
    this.#socket.on('close', () => this.#settle?.reject(new Error(`${url}: it hung up`)));
  }

  send(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#socket.write(this.#request);
    });
  }

  close(): void {
    this.#settle = undefined;
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#receivedBytes += chunk.byteLength;
    if (this.#answerBytes === undefined) this.#readHead();
    if (this.#answerBytes === undefined || this.#receivedBytes < this.#answerBytes) return;
    const answer = Buffer.concat(this.#received);
    this.#received = [];
    this.#receivedBytes = 0;
    this.#answerBytes = undefined;
    const statusCode = Number(answer.subarray(9, 12).toString('latin1'));
    this.#settle?.resolve({ statusCode, body: answer.subarray(this.#headBytes) });
  }

  #readHead(): void {
    const received = Buffer.concat(this.#received);
    const end = received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = received.subarray(0, end).toString('latin1');
    const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
    if (length === undefined) {
      this.#settle?.reject(new Error(`expected an answer with a length, got ${head}`));
      return;
    }
    this.#headBytes = end + 4;
    this.#answerBytes = this.#headBytes + Number(length);
  }
}

/** Sends it once. */
export async function post(request: LoadRequest): Promise<Answer> {
  const connection = new Connection(request);
  try {
    return await connection.send();
  } finally {
    connection.close();
  }
}

/**
 * Sends it `requests` times over `concurrency` connections, each with one request under way.
 *
 * @throws Error at the first answer that is not a 200
 */
export async function load(
  request: LoadRequest,
  { requests, concurrency }: { readonly requests: number; readonly concurrency: number },
): Promise<Load> {
  const connections = Array.from({ length: concurrency }, () => new Connection(request));
  const latenciesMs: number[] = [];
  let left = requests;
  const work = async (connection: Connection) => {
    while (left > 0) {
      left -= 1;
      const startMs = performance.now();
      const { statusCode, body } = await connection.send();
      latenciesMs.push(performance.now() - startMs);
      if (statusCode !== 200) throw new Error(`${request.url}: ${statusCode} ${body}`);
    }
  };
  const startMs = performance.now();
  try {
    await Promise.all(connections.map(work));
    return { latenciesMs, elapsedMs: performance.now() - startMs };
  } finally {
    for (const connection of connections) connection.close();
  }
}
