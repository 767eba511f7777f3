import * as zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  decodeContent,
  encodeContent,
  negotiateCoding,
} from '../../src/protocol/content-coding.ts';

const plain = Buffer.from('{"inputs": []} and more of it, and more of it, and more of it');

describe('a body with a content coding', () => {
  it.each([
    ['gzip', zlib.gzipSync(plain)],
    ['X-GZIP', zlib.gzipSync(plain)],
    ['deflate', zlib.deflateSync(plain)],
    ['deflate', zlib.deflateRawSync(plain)],
    ['gzip, identity', zlib.gzipSync(plain)],
    ['deflate, gzip', zlib.gzipSync(zlib.deflateSync(plain))],
    ['identity', plain],
    [undefined, plain],
  ])('%s is read', async (coding, body) => {
    expect(Buffer.from(await decodeContent(body, coding, 1000))).toEqual(plain);
  });

  it('stops at the limit, however small the body is', async () => {
    const bomb = zlib.gzipSync(Buffer.alloc(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(100_000);
    const before = process.memoryUsage().arrayBuffers;
    await expect(decodeContent(bomb, 'gzip', 1_000_000)).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      message: 'body: expected at most 1000000 bytes once decompressed, got more',
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16_000_000);
  });

  it.each([
    ['br', plain, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Encoding: expected gzip, deflate, got "br"'],
    ['gzip', plain, 'INVALID_REQUEST', 'body: expected gzip data, got other bytes'],
    ['deflate', plain, 'INVALID_REQUEST', 'body: expected deflate data, got other bytes'],
    [
      'gzip',
      zlib.gzipSync(plain).subarray(0, 20),
      'INVALID_REQUEST',
      'body: expected gzip data, got other bytes',
    ],
    [
      'gzip, gzip, gzip',
      plain,
      'UNSUPPORTED_MEDIA_TYPE',
      'Content-Encoding: expected at most 2 codings, got "gzip, gzip, gzip"',
    ],
  ])('%s is refused (%#)', async (coding, body, code, message) => {
    await expect(decodeContent(body, coding, 1000)).rejects.toMatchObject({ code, message });
  });
});

describe('Accept-Encoding', () => {
  it.each([
    [undefined, 'identity'],
    ['', 'identity'],
    ['gzip', 'gzip'],
    ['gzip, deflate, br', 'gzip'],
    ['deflate, gzip;q=0.5', 'deflate'],
    ['br', 'identity'],
    ['*', 'gzip'],
    ['gzip;q=0, *', 'deflate'],
    ['gzip;q=0', 'identity'],
    ['identity, gzip;q=0.1', 'identity'],
    ['identity;q=0, deflate;q=0.2', 'deflate'],
    ['GZIP; Q=0.8', 'gzip'],
    ['gzip;q=bad', 'identity'],
  ])('%s is answered with %s', (header, coding) => {
    expect(negotiateCoding(header)).toBe(coding);
  });

  it.each(['identity;q=0', '*;q=0', 'br, identity;q=0'])('%s cannot be met', (header) => {
    expect(() => negotiateCoding(header)).toThrow(
      expect.objectContaining({ code: 'NOT_ACCEPTABLE' }),
    );
  });

  it('puts the coding on', async () => {
    const text = plain.toString();
    expect(zlib.gunzipSync(await encodeContent(text, 'gzip'))).toEqual(plain);
    expect(zlib.inflateSync(await encodeContent(plain, 'deflate'))).toEqual(plain);
    expect(await encodeContent(text, 'identity')).toBe(text);
  });
});
