import { connect, isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import { connect as connectSecurely } from 'node:tls';

/** A GET as it goes over the wire: signed, its path and query encoded. */
export interface GetRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port: number | undefined;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What an answer says before its body. */
export interface AnswerHead {
  readonly statusCode: number;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Answer extends AnswerHead {
  /** Settles when the body has come to its end; at once when the status is an error, whose body is not read. */
  readonly ended: Promise<void>;
}

/** A stretch of a body, which is there during the call alone. */
export type TakeBody = (bytes: Buffer) => void;

export interface ConnectionOptions {
  /** Where bytes arrive; of several connections too, for each stretch is taken before the next one comes. */
  readonly buffer: Buffer;
  readonly connectionTimeoutMs: number;
  /** The time without a single byte. */
  readonly idleTimeoutMs: number;
}

const headEnd = '\r\n\r\n';
const maximumHeadBytes = 64 * 1024;

/** One request, from its first byte to its answer's last one. */
interface Exchange {
  readonly takeBody: TakeBody;
  readonly head: PromiseWithResolvers<Answer>;
  readonly body: PromiseWithResolvers<void>;
  /** Of the head, until it is whole. */
  received: Buffer;
  /** Bytes of the body that are to come; undefined before the head is whole. */
  remainingBytes: number | undefined;
}

/**
 * A connection that receives large bodies into one buffer, again and again. Node's own HTTP client gives every 64 KiB
 * memory of their own: to touch that for the first time takes the processor longer than all the rest of a download, and
 * none of it comes back before the collector runs. So this speaks HTTP/1.1 (RFC 9112) itself, as far as S3's answers to
 * a GET of a range go: a body has a length, and an answer without one is refused.
 */
export class BodyConnection {
  readonly #socket: Socket;
  #exchange: Exchange | undefined;
  #isReusable = true;

  constructor({ protocol, hostname, port }: GetRequest, options: ConnectionOptions) {
    const secure = protocol === 'https:';
    const place: TcpNetConnectOpts = {
      host: hostname,
      port: port ?? (secure ? 443 : 80),
      onread: {
        buffer: options.buffer,
        callback: (length) => {
          this.#read(options.buffer.subarray(0, length));
          return true;
        },
      },
    };
    const servername = isIP(hostname) === 0 ? hostname : undefined;
    this.#socket = secure ? connectSecurely({ ...place, servername }) : connect(place);
    this.#socket.setNoDelay(true);
    this.#socket.setTimeout(options.connectionTimeoutMs, () =>
      this.close(new Error('the connection fell silent')),
    );
    this.#socket.once(secure ? 'secureConnect' : 'connect', () =>
      this.#socket.setTimeout(options.idleTimeoutMs),
    );
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the connection ended before its answer')));
  }

  /** Whether it may send another request, now that the last one's answer has ended. */
  get isReusable(): boolean {
    return this.#isReusable && this.#exchange === undefined;
  }

  /** Whether it has ended, by whichever side. */
  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** Sends a request. @throws Error when there is no answer */
  get(request: GetRequest, takeBody: TakeBody): Promise<Answer> {
    const exchange: Exchange = {
      takeBody,
      head: Promise.withResolvers(),
      body: Promise.withResolvers(),
      received: Buffer.alloc(0),
      remainingBytes: undefined,
    };
    // Who has the head hears of it; until then nobody does.
    exchange.body.promise.catch(() => undefined);
    this.#exchange = exchange;
    const fields = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#socket.write(`GET ${request.target} HTTP/1.1\r\n${fields.join('')}\r\n`, 'latin1');
    return exchange.head.promise;
  }

  /** Ends it, and what is under way with it. */
  close(reason: Error): void {
    this.#fail(reason);
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.close(new Error('bytes came that nobody asked for'));
      return;
    }
    try {
      this.#receive(exchange, bytes);
    } catch (thrown) {
      this.close(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }

  #receive(exchange: Exchange, bytes: Buffer): void {
    if (exchange.remainingBytes !== undefined) {
      this.#take(exchange, exchange.remainingBytes, bytes);
      return;
    }
    const received = Buffer.concat([exchange.received, bytes]);
    const end = received.indexOf(headEnd);
    if (end < 0) {
      if (received.byteLength > maximumHeadBytes) throw new Error('the answer’s head has no end');
      exchange.received = received;
      return;
    }
    const rest = received.subarray(end + headEnd.length);
    const head = parseHead(received.toString('latin1', 0, end));
    if (head.statusCode < 200) {
      exchange.received = Buffer.alloc(0);
      if (rest.byteLength > 0) this.#receive(exchange, rest);
      return;
    }
    const isError = head.statusCode >= 300;
    if (isError || head.headers['connection']?.toLowerCase() === 'close') this.#isReusable = false;
    const length = isError ? 0 : bodyLength(head);
    exchange.remainingBytes = length;
    exchange.head.resolve({ ...head, ended: exchange.body.promise });
    this.#take(exchange, length, isError ? Buffer.alloc(0) : rest);
  }

  #take(exchange: Exchange, remainingBytes: number, bytes: Buffer): void {
    if (bytes.byteLength > remainingBytes) throw new Error('more bytes came than were promised');
    if (bytes.byteLength > 0) exchange.takeBody(bytes);
    exchange.remainingBytes = remainingBytes - bytes.byteLength;
    if (exchange.remainingBytes > 0) return;
    this.#exchange = undefined;
    exchange.body.resolve();
    if (!this.#isReusable) this.#socket.destroy();
  }

  #fail(error: Error): void {
    this.#isReusable = false;
    this.#exchange?.head.reject(error);
    this.#exchange?.body.reject(error);
    this.#exchange = undefined;
  }
}

function parseHead(text: string): AnswerHead {
  const [statusLine = '', ...fields] = text.split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(statusLine)?.[1];
  if (status === undefined) throw new Error('expected an answer of HTTP/1.1');
  const headers = fields.map((field): [string, string] => {
    const colon = field.indexOf(':');
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
  });
  return { statusCode: Number(status), headers: Object.fromEntries(headers) };
}

function bodyLength({ headers }: AnswerHead): number {
  const length = headers['content-length'];
  if (length === undefined || !/^\d+$/.test(length) || headers['transfer-encoding'] !== undefined) {
    throw new Error('expected an answer whose body has a length');
  }
  return Number(length);
}
