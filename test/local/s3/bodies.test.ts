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

function crc32Base64(text: string): string {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(crc32(text));
  return value.toString('base64');
}

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
