import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  codeOf,
  type RawReply,
  rawRequest,
  startTestS3,
  type TestS3,
} from '../../support/s3-server.ts';

let s3: TestS3;

beforeAll(async () => {
  s3 = await startTestS3({ buckets: [{ name: 'wire' }] });
});
afterAll(() => s3.close());

function put(key: string, headers: Record<string, string>, body: string): Promise<RawReply> {
  return rawRequest(s3.server.url, 'PUT', `/wire/${key}`, headers, body);
}

async function read(key: string, headers = {}): Promise<string> {
  return (await rawRequest(s3.server.url, 'GET', `/wire/${key}`, headers)).body;
}

const length = (body: string) => ({ 'content-length': String(Buffer.byteLength(body)) });

describe('a request without a signature', () => {
  test('writes, reads and deletes', async () => {
    expect((await put('anonymous', length('hi'), 'hi')).statusCode).toBe(200);
    expect(await read('anonymous')).toBe('hi');
    const deleted = await rawRequest(s3.server.url, 'DELETE', '/wire/anonymous');
    expect(deleted.statusCode).toBe(204);
    const missing = await rawRequest(s3.server.url, 'GET', '/wire/anonymous');
    expect(missing.statusCode).toBe(404);
    expect(codeOf(missing)).toBe('NoSuchKey');
    expect(missing.body).toContain('<Key>anonymous</Key>');
    expect(missing.headers['content-type']).toBe('application/xml');
  });

  test('to HEAD and with 304 has an answer without a body', async () => {
    await put('bodiless', length('x'), 'x');
    const head = await rawRequest(s3.server.url, 'HEAD', '/wire/absent');
    expect([head.statusCode, head.body]).toEqual([404, '']);
    const found = await rawRequest(s3.server.url, 'HEAD', '/wire/bodiless');
    const headers = { 'if-none-match': found.headers.etag ?? '' };
    const unchanged = await rawRequest(s3.server.url, 'GET', '/wire/bodiless', headers);
    expect([unchanged.statusCode, unchanged.body]).toEqual([304, '']);
    expect(unchanged.headers.etag).toBe(found.headers.etag);
  });
});

describe('a path', () => {
  test('with an unescaped plus means a space, as in S3', async () => {
    await put('a+b', length('x'), 'x');
    expect(await read('a%20b')).toBe('x');
    expect(codeOf(await rawRequest(s3.server.url, 'GET', '/wire/a%2Bb'))).toBe('NoSuchKey');
  });

  test('is taken as it is, dots included', async () => {
    await put('../wire/x/./y', length('dots'), 'dots');
    expect(await read('../wire/x/./y')).toBe('dots');
    expect(codeOf(await rawRequest(s3.server.url, 'GET', '/wire/x/y'))).toBe('NoSuchKey');
  });

  test('that is not percent-encoded UTF-8 is InvalidURI', async () => {
    for (const path of ['/wire/%zz', '/wire/%ff', '/%']) {
      expect(codeOf(await rawRequest(s3.server.url, 'GET', path))).toBe('InvalidURI');
    }
  });

  test('goes with a bucket that the host names', async () => {
    await put('hosted', length('x'), 'x');
    for (const host of ['wire.localhost', 'wire.localhost:9000', 'wire.s3.localhost']) {
      const got = await rawRequest(s3.server.url, 'GET', '/hosted', { host });
      expect(got.body).toBe('x');
    }
  });
});

/** Sends a request's head alone, and gives everything that comes back until the server closes or is silent. */
function exchange(method: string, path: string, headers: Record<string, string>): Promise<string> {
  const { hostname, port } = new URL(s3.server.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let received = '';
    socket.setTimeout(500, () => socket.destroy());
    socket.on('data', (chunk) => {
      received += chunk.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(received));
    const lines = Object.entries({ host: 'x', ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  });
}

describe('Expect: 100-continue', () => {
  const waits = { 'content-length': '4', expect: '100-continue' };

  test('is told to go on when the request is good', async () => {
    expect(await exchange('PUT', '/wire/continued', waits)).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  });

  test('is refused for more than 5 GiB before they are sent', async () => {
    const announced = { ...waits, 'content-length': String(5 * 1024 ** 3 + 1) };
    const refused = await exchange('PUT', '/wire/huge', announced);
    expect(refused).toMatch(/^HTTP\/1.1 400 /);
    expect(refused).toContain('EntityTooLarge');
  });

  test('is told at once, without the body, what is wrong', async () => {
    await put('there', length('x'), 'x');
    const refused = await exchange('PUT', '/wire/there', { ...waits, 'if-none-match': '*' });
    expect(refused).toMatch(/^HTTP\/1.1 412 /);
    // The client may send its body after all: what follows on this connection could not be told apart.
    expect(refused.toLowerCase()).toContain('connection: close');
    expect(await exchange('PUT', '/absent-bucket/x', waits)).toMatch(/^HTTP\/1.1 404 /);
  });
});

describe('a presigned URL', () => {
  const query = (signed: Date, seconds: number) =>
    `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=${signed.toISOString().replaceAll(/[-:]|\.\d+/g, '')}&X-Amz-Expires=${seconds}&X-Amz-Signature=0`;

  test('serves until it expires', async () => {
    await put('presigned', length('x'), 'x');
    const get = (ageSeconds: number) =>
      read(`presigned?${query(new Date(Date.now() - ageSeconds * 1000), 60)}`);
    expect(await get(0)).toBe('x');
    expect(await get(120)).toContain('<Message>Request has expired</Message>');
    // The older kind, which the aws CLI makes for an endpoint of one's own.
    const older = (seconds: number) =>
      read(`presigned?AWSAccessKeyId=x&Signature=y&Expires=${seconds}`);
    expect(await older(Date.now() / 1000 + 60)).toBe('x');
    expect(await older(Math.floor(Date.now() / 1000) - 60)).toContain('Request has expired');
  });

  test('carries headers in its query', async () => {
    const meta = 'x-amz-meta-from=query&x-amz-storage-class=STANDARD_IA';
    await put(`hoisted?${query(new Date(), 60)}&${meta}`, length('x'), 'x');
    const head = await rawRequest(s3.server.url, 'HEAD', '/wire/hoisted');
    expect(head.headers).toMatchObject({
      'x-amz-meta-from': 'query',
      'x-amz-storage-class': 'STANDARD_IA',
    });
    const disposition = encodeURIComponent('attachment; filename="a.txt"');
    const path = `/wire/hoisted?${query(new Date(), 60)}&response-content-disposition=${disposition}`;
    const got = await rawRequest(s3.server.url, 'GET', path);
    expect(got.headers['content-disposition']).toBe('attachment; filename="a.txt"');
  });
});

test('a header that a query asks for and HTTP cannot carry is refused', async () => {
  await put('safe-headers', length('x'), 'x');
  for (const value of ['a%0D%0Aset-cookie: x', '%E2%82%AC']) {
    const path = `/wire/safe-headers?response-content-type=${value.replaceAll(' ', '%20')}`;
    expect(codeOf(await rawRequest(s3.server.url, 'GET', path))).toBe('InvalidArgument');
    const meta = await put(
      `safe-headers?x-amz-meta-a=${encodeURIComponent('\n')}`,
      length('y'),
      'y',
    );
    expect(codeOf(meta)).toBe('InvalidArgument');
  }
  expect(s3.problems).toEqual([]);
});

describe('what there is not', () => {
  test('is NotImplemented, and above all not another operation', async () => {
    await put('safe', length('kept'), 'kept');
    for (const query of ['acl', 'retention', 'torrent', 'legal-hold']) {
      const refused = await put(`safe?${query}`, length('x'), 'x');
      expect([refused.statusCode, codeOf(refused)]).toEqual([501, 'NotImplemented']);
    }
    const append = await put('safe', { ...length('x'), 'x-amz-write-offset-bytes': '4' }, 'x');
    expect(codeOf(append)).toBe('NotImplemented');
    const byETag = await put('safe', { ...length('x'), 'if-none-match': '"abc"' }, 'x');
    expect(codeOf(byETag)).toBe('NotImplemented');
    expect(await read('safe')).toBe('kept');
  });

  test('is MethodNotAllowed for a method', async () => {
    for (const [method, path] of [
      ['POST', '/wire/x'],
      ['PATCH', '/wire'],
      ['PUT', '/'],
    ] as const) {
      const refused = await rawRequest(s3.server.url, method, path);
      expect([refused.statusCode, codeOf(refused)]).toEqual([405, 'MethodNotAllowed']);
    }
  });

  test('is what S3 says of a bucket without a configuration', async () => {
    const code = async (query: string) =>
      codeOf(await rawRequest(s3.server.url, 'GET', `/wire?${query}`));
    expect(await code('cors')).toBe('NoSuchCORSConfiguration');
    expect(await code('lifecycle')).toBe('NoSuchLifecycleConfiguration');
    expect(await code('policy')).toBe('NoSuchBucketPolicy');
  });
});

test('a write under If-None-Match during which its key came and went is a conflict', async () => {
  const { hostname, port } = new URL(s3.server.url);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString();
  });
  const before = await s3.blobs();
  socket.write(
    'PUT /wire/contested HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nif-none-match: *\r\n\r\nha',
  );
  await expect.poll(async () => (await s3.blobs()).length).toBe(before.length + 1);
  await put('contested', length('other'), 'other');
  await rawRequest(s3.server.url, 'DELETE', '/wire/contested');
  socket.write('lf');
  await expect.poll(() => received).toMatch(/^HTTP\/1.1 409 Conflict/);
  expect(received).toContain('ConditionalRequestConflict');
  socket.destroy();
});
