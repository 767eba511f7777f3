import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { crc32 } from 'node:zlib';
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

function crc32Base64(text: string): string {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(crc32(text));
  return value.toString('base64');
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

describe('an aws-chunked body', () => {
  const signed = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
  const signature = `chunk-signature=${'0'.repeat(64)}`;
  const headers = (sha256: string, decoded: number, more = {}) => ({
    'content-encoding': 'aws-chunked,gzip',
    'x-amz-content-sha256': sha256,
    'x-amz-decoded-content-length': String(decoded),
    ...more,
  });
  const trailer = { 'x-amz-trailer': 'x-amz-checksum-crc32' };
  const unsigned = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

  test('with chunk signatures is put together', async () => {
    const body = `5;${signature}\r\nhello\r\n6;${signature}\r\n world\r\n0;${signature}\r\n\r\n`;
    expect((await put('signed', headers(signed, 11), body)).statusCode).toBe(200);
    const got = await rawRequest(s3.server.url, 'GET', '/wire/signed');
    expect(got.body).toBe('hello world');
    expect(got.headers['content-encoding']).toBe('gzip');
  });

  test('with a signed trailer has its checksum verified', async () => {
    const body = (sum: string) =>
      `5;${signature}\r\nhello\r\n0;${signature}\r\nx-amz-checksum-crc32:${sum}\r\nx-amz-trailer-signature:${'0'.repeat(64)}\r\n\r\n`;
    const sent = headers(`${signed}-TRAILER`, 5, trailer);
    const good = await put('trailer', sent, body(crc32Base64('hello')));
    expect(good.statusCode).toBe(200);
    expect(good.headers['x-amz-checksum-crc32']).toBe(crc32Base64('hello'));
    expect(codeOf(await put('bad', sent, body(crc32Base64('other'))))).toBe('BadDigest');
    expect(codeOf(await put('bad', sent, body('AAAA')))).toBe('InvalidRequest');
  });

  test.each([
    ['of another length than announced', 'IncompleteBody', '3\r\nabc\r\n0\r\n\r\n'],
    ['that ends within a chunk', 'IncompleteBody', '5\r\nhel'],
    ['that ends before its last chunk', 'IncompleteBody', '5\r\nhello\r\n'],
    ['whose chunk has no size', 'IncompleteBody', 'zz\r\nhello\r\n0\r\n\r\n'],
    ['whose chunk is longer than its size', 'IncompleteBody', '3\r\nhello\r\n0\r\n\r\n'],
    ['whose line does not end', 'IncompleteBody', `5;${'x'.repeat(40_000)}`],
    ['without the trailer it announces', 'MalformedTrailerError', '5\r\nhello\r\n0\r\n\r\n'],
    [
      'with a trailer that is none',
      'MalformedTrailerError',
      '5\r\nhello\r\n0\r\nno colon here\r\n\r\n',
    ],
  ])('%s is refused', async (_, code, body) => {
    const before = await s3.blobs();
    expect(codeOf(await put('malformed', headers(unsigned, 5, trailer), body))).toBe(code);
    expect(codeOf(await rawRequest(s3.server.url, 'GET', '/wire/malformed'))).toBe('NoSuchKey');
    await expect.poll(() => s3.blobs()).toEqual(before);
  });
});

describe('a body', () => {
  test('that is not the one of x-amz-content-sha256 is refused', async () => {
    const sha256 = createHash('sha256').update('other').digest('hex');
    const refused = await put('sha256', { 'x-amz-content-sha256': sha256 }, 'body');
    expect(refused.statusCode).toBe(400);
    expect(codeOf(refused)).toBe('XAmzContentSHA256Mismatch');
  });

  test('of unknown length is refused', async () => {
    const refused = await put('unknown', { 'transfer-encoding': 'chunked' }, 'body');
    expect(refused.statusCode).toBe(411);
    expect(codeOf(refused)).toBe('MissingContentLength');
  });

  test('with two checksums, or with a promise of one that does not come, is refused', async () => {
    const two = { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-crc32c': 'AAAAAA==' };
    expect(codeOf(await put('two', two, ''))).toBe('InvalidRequest');
    const promise = { 'x-amz-sdk-checksum-algorithm': 'CRC32' };
    expect(codeOf(await put('none', promise, ''))).toBe('InvalidRequest');
  });

  test('of more than 5 GiB is refused before it is sent', async () => {
    const announced = { 'content-length': String(5 * 1024 ** 3 + 1), expect: '100-continue' };
    expect(await exchange('PUT', '/wire/huge', announced)).toMatch(/^HTTP\/1.1 400 /);
  });

  test('that the client gives up on leaves nothing', async () => {
    const before = await s3.blobs();
    const { hostname, port } = new URL(s3.server.url);
    const socket = connect(Number(port), hostname);
    socket.write('PUT /wire/broken HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf');
    await expect.poll(async () => (await s3.blobs()).length).toBe(before.length + 1);
    socket.destroy();
    await expect.poll(() => s3.blobs()).toEqual(before);
    expect(codeOf(await rawRequest(s3.server.url, 'GET', '/wire/broken'))).toBe('NoSuchKey');
    expect(s3.problems).toEqual([]);
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

describe('a document', () => {
  const post = (body: string) => {
    const md5 = createHash('md5').update(body).digest('base64');
    return rawRequest(s3.server.url, 'POST', '/wire?delete', { 'content-md5': md5 }, body);
  };

  test.each([
    ['nothing', '', 'MissingRequestBodyError'],
    ['what is not XML', 'not xml', 'MalformedXML'],
    ['an element that does not end', '<Delete><Object>', 'MalformedXML'],
    ['another root', '<Other/>', 'MalformedXML'],
    ['no object', '<Delete></Delete>', 'MalformedXML'],
    ['an object without a key', '<Delete><Object><Id>x</Id></Object></Delete>', 'MalformedXML'],
    [
      'entities of its own',
      '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Delete><Object><Key>&b;&b;&b;&b;</Key></Object></Delete>',
      'MalformedXML',
    ],
  ])('with %s is refused', async (_, body, code) => {
    expect(codeOf(await post(body))).toBe(code);
  });

  test('needs a digest where keys are to be deleted', async () => {
    const refused = await rawRequest(s3.server.url, 'POST', '/wire?delete', {}, '<Delete/>');
    expect(codeOf(refused)).toBe('InvalidRequest');
  });

  test('may name keys by character references', async () => {
    await put('tab%09%0Dend', length('x'), 'x');
    const reply = await post('<Delete><Object><Key>tab&#9;&#xD;end</Key></Object></Delete>');
    expect(reply.body).toContain('<Deleted><Key>tab&#x9;&#xD;end</Key></Deleted>');
    expect(codeOf(await rawRequest(s3.server.url, 'GET', '/wire/tab%09%0Dend'))).toBe('NoSuchKey');
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
