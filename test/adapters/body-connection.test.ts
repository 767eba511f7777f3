import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import {
  createServer as createSecureServer,
  getCACertificates,
  setDefaultCACertificates,
} from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type AnswerHead,
  BodyConnection,
  type GetRequest,
} from '../../src/adapters/s3/body-connection.ts';
import { localhostCertificate, localhostKey } from '../support/localhost-certificate.ts';

const servers: Server[] = [];
const sockets = new Set<Socket>();
const connections: BodyConnection[] = [];

afterEach(() => {
  for (const connection of connections.splice(0)) connection.close(new Error('test over'));
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

type Answerer = (socket: Socket, head: string) => unknown;

/** A server that answers each request as the test says. */
async function serve(answer: Answerer, secure = false): Promise<GetRequest> {
  const onSocket = (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => void answer(socket, bytes.toString()));
  };
  const server = secure
    ? createSecureServer({ cert: localhostCertificate, key: localhostKey }, onSocket)
    : createServer(onSocket);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    protocol: secure ? 'https:' : 'http:',
    hostname: secure ? 'localhost' : '127.0.0.1',
    port,
    target: '/models/a%20b?x-id=GetObject',
    headers: { host: 'models', range: 'bytes=0-1' },
  };
}

const buffer = Buffer.allocUnsafeSlow(4096);

function open(request: GetRequest, idleTimeoutMs = 5_000): BodyConnection {
  const connection = new BodyConnection(request, {
    buffer,
    connectionTimeoutMs: 5_000,
    idleTimeoutMs,
  });
  connections.push(connection);
  return connection;
}

/** The whole of an answer. */
async function read(
  connection: BodyConnection,
  request: GetRequest,
): Promise<Pick<AnswerHead, 'statusCode'> & { readonly body: string }> {
  const chunks: Buffer[] = [];
  const { statusCode, ended } = await connection.get(request, (bytes) => {
    chunks.push(Buffer.from(bytes));
  });
  await ended;
  return { statusCode, body: Buffer.concat(chunks).toString() };
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('a connection that receives bodies', () => {
  it('asks as it is told, and takes the answer in whatever pieces it comes', async () => {
    let asked = '';
    const text =
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\nx: a:b\r\n\r\nhello';
    const request = await serve(async (socket, head) => {
      asked = head;
      for (const character of text) {
        socket.write(character);
        await pause();
      }
    });
    const connection = open(request);
    expect(await read(connection, request)).toEqual({ statusCode: 206, body: 'hello' });
    expect(asked).toBe(
      'GET /models/a%20b?x-id=GetObject HTTP/1.1\r\nhost: models\r\nrange: bytes=0-1\r\n\r\n',
    );
    expect(connection.isReusable).toBe(true);
  });

  it('serves one request after the other, until the server has enough', async () => {
    let count = 0;
    const request = await serve((socket) => {
      count += 1;
      const connection = count === 2 ? 'Connection: Close\r\n' : '';
      socket.write(`HTTP/1.1 206 \r\n${connection}Content-Length: 1\r\n\r\n${count}`);
    });
    const connection = open(request);
    expect(await read(connection, request)).toMatchObject({ body: '1' });
    expect(connection.isReusable).toBe(true);
    expect(await read(connection, request)).toMatchObject({ body: '2' });
    expect(connection.isReusable).toBe(false);
  });

  it('shares its buffer with others without mixing what they take', async () => {
    const size = 300_000;
    let letters = 0;
    const request = await serve((socket) => {
      const letter = 'abc'[letters++ % 3] ?? '';
      socket.write(`HTTP/1.1 206 OK\r\nContent-Length: ${size}\r\n\r\n${letter.repeat(size)}`);
    });
    const bodies = await Promise.all(
      [1, 2, 3].map(async () => (await read(open(request), request)).body),
    );
    expect(bodies.map((body) => [...new Set(body)].join('')).sort()).toEqual(['a', 'b', 'c']);
    expect(bodies.every(({ length }) => length === size)).toBe(true);
  });

  it('gives the status of an error, and does not wait for its body', async () => {
    const request = await serve((socket) =>
      socket.write('HTTP/1.1 503 Slow Down\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<xml>\r\n'),
    );
    const connection = open(request);
    expect(await read(connection, request)).toEqual({ statusCode: 503, body: '' });
    expect(connection.isReusable).toBe(false);
  });

  it.each([
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n', 'expected an answer of HTTP/1.1'],
    ['a body without a length', 'HTTP/1.1 206 OK\r\n\r\nhi', 'whose body has a length'],
    [
      'a body in chunks',
      'HTTP/1.1 206 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n',
      'whose body has a length',
    ],
    ['a head without end', `HTTP/1.1 206 OK\r\nx: ${'y'.repeat(70_000)}`, 'head has no end'],
  ])('refuses %s', async (_what, text, message) => {
    const request = await serve((socket) => socket.write(text));
    const connection = open(request);
    await expect(read(connection, request)).rejects.toThrow(message);
    expect(connection.isReusable).toBe(false);
  });

  it.each([
    ['more than was promised', (socket: Socket) => socket.write('abcdef'), 'more bytes came'],
    ['an end before the last byte', (socket: Socket) => socket.end('ab'), 'ended before'],
    ['a reset', (socket: Socket) => socket.resetAndDestroy(), /ECONNRESET|ended before/],
    ['silence', () => undefined, 'fell silent'],
  ])('fails a body that is followed by %s', async (_what, goOn, message) => {
    const request = await serve(async (socket) => {
      socket.write('HTTP/1.1 206 OK\r\nContent-Length: 5\r\n\r\n');
      await pause();
      goOn(socket);
    });
    await expect(read(open(request, 100), request)).rejects.toThrow(message);
  });

  it('fails with what the taker throws, and with what ends it', async () => {
    const request = await serve((socket) =>
      socket.write('HTTP/1.1 206 OK\r\nContent-Length: 5\r\n\r\nab'),
    );
    const full = () => {
      throw new Error('the disk is full');
    };
    const { ended: refused } = await open(request).get(request, full);
    await expect(refused).rejects.toThrow('the disk is full');
    const connection = open(request);
    const { ended } = await connection.get(request, () => undefined);
    connection.close(new Error('no longer wanted'));
    await expect(ended).rejects.toThrow('no longer wanted');
  });

  it('says when there is nobody', async () => {
    const request = await serve(() => undefined);
    const [server] = servers.splice(0);
    server?.close();
    await once(server ?? createServer(), 'close');
    await expect(read(open(request), request)).rejects.toThrow('ECONNREFUSED');
  });

  it('speaks TLS with servers that it has reason to trust, and with no other', async () => {
    const size = 200_000;
    const request = await serve(
      (socket) =>
        socket.write(`HTTP/1.1 206 OK\r\nContent-Length: ${size}\r\n\r\n${'z'.repeat(size)}`),
      true,
    );
    await expect(read(open(request), request)).rejects.toThrow('self-signed certificate');
    const trusted = getCACertificates();
    setDefaultCACertificates([...trusted, localhostCertificate]);
    try {
      const { body } = await read(open(request), request);
      expect(body).toBe('z'.repeat(size));
      const elsewhere = { ...request, hostname: '127.0.0.2' };
      await expect(read(open(elsewhere), elsewhere)).rejects.toThrow(/ECONNREFUSED|altnames/);
    } finally {
      setDefaultCACertificates(trusted);
    }
  });
});
