import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ServingError } from '../../../src/errors.ts';
import { decoders, repository } from '../support/models.ts';

const recordings = join(repository, 'examples/voice-activity-detection/recordings');
const recording = (file: string) => readFile(join(recordings, file));

const decode = (bytes: Uint8Array, sampleRate = 16_000, maxSeconds = 60) =>
  decoders.audio.decode(bytes, { sampleRate, maxSeconds });

interface Wave {
  readonly tag?: number;
  readonly channels?: number;
  readonly rate?: number;
  readonly bits?: number;
  readonly data: Uint8Array;
  readonly declared?: number;
}

function wave({ tag = 1, channels = 1, rate = 16_000, bits = 16, data, declared }: Wave): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + data.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(tag, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(((rate * channels * bits) / 8) % 2 ** 32, 28);
  header.writeUInt16LE(((channels * bits) / 8) % 65_536, 32);
  header.writeUInt16LE(bits, 34);
  header.write('data', 36);
  header.writeUInt32LE(declared ?? data.length, 40);
  return Buffer.concat([header, data]);
}

const values = [0, 0.5, -0.5, 0.25, -1];

function encode(bits: number, tag: number): Buffer {
  const data = Buffer.alloc((values.length * bits) / 8);
  for (const [index, value] of values.entries()) {
    if (tag === 3 && bits === 32) data.writeFloatLE(value, index * 4);
    else if (tag === 3) data.writeDoubleLE(value, index * 8);
    else if (bits === 8) data.writeUInt8(128 + value * 128, index);
    else data.writeIntLE(value * 2 ** (bits - 1), (index * bits) / 8, bits / 8);
  }
  return data;
}

describe('WAVE of every width has the same samples', () => {
  test.each([
    [8, 1],
    [16, 1],
    [24, 1],
    [32, 1],
    [32, 3],
    [64, 3],
  ])('%i bits, format %i', async (bits, tag) => {
    expect(Array.from(await decode(wave({ bits, tag, data: encode(bits, tag) })))).toEqual(values);
  });

  test('channels are averaged, however many', async () => {
    const data = Buffer.alloc(12);
    for (const [index, value] of [8192, 16_384, 0, -8192, -16_384, 0].entries()) {
      data.writeInt16LE(value, index * 2);
    }
    expect(Array.from(await decode(wave({ channels: 3, data })))).toEqual([0.25, -0.25]);
  });

  test('samples that are no numbers are silence', async () => {
    const data = Buffer.alloc(12);
    for (const [index, value] of [Number.NaN, Number.POSITIVE_INFINITY, 0.5].entries()) {
      data.writeFloatLE(value, index * 4);
    }
    expect(Array.from(await decode(wave({ tag: 3, bits: 32, data })))).toEqual([0, 0, 0.5]);
  });
});

describe('any rate becomes the one that is wanted', () => {
  test.each([8000, 11_025, 22_050, 44_100, 48_000, 96_000])('%i Hz', async (rate) => {
    const data = Buffer.alloc(rate * 2);
    for (let i = 0; i < rate; i += 1) {
      data.writeInt16LE(Math.round(16_000 * Math.sin((2 * Math.PI * 440 * i) / rate)), i * 2);
    }
    const samples = await decode(wave({ rate, data }));
    expect(Math.abs(samples.length - 16_000)).toBeLessThanOrEqual(1);
    // A tone of 440 Hz crosses zero 880 times a second, and keeps its height.
    const middle = samples.subarray(2000, 14_000);
    const crossings = middle.reduce(
      (count, value, index) =>
        count + (index > 0 && value >= 0 !== (middle[index - 1] ?? 0) >= 0 ? 1 : 0),
      0,
    );
    expect(Math.abs(crossings - 660)).toBeLessThanOrEqual(1);
    expect(Math.max(...middle)).toBeCloseTo(16_000 / 32_768, 2);
  });
});

test.each([11_025, 44_100])(
  'two minutes at %i Hz keep their length and their tone',
  async (rate) => {
    const data = Buffer.alloc(rate * 2 * 120);
    for (let i = 0; i < rate * 120; i += 1) {
      data.writeInt16LE(Math.round(16_000 * Math.sin((2 * Math.PI * 440 * i) / rate)), i * 2);
    }
    const samples = await decode(wave({ rate, data }), 16_000, 150);
    expect(samples).toHaveLength(120 * 16_000);
    for (const start of [16_000, 60 * 16_000, 119 * 16_000 - 100]) {
      const crossings = samples
        .subarray(start, start + 16_000)
        .reduce((count, value, index, all) => {
          return count + (index > 0 && value >= 0 !== (all[index - 1] ?? 0) >= 0 ? 1 : 0);
        }, 0);
      expect(Math.abs(crossings - 880)).toBeLessThanOrEqual(1);
    }
    // The same sound again is the same again: nothing is left over from the last one.
    expect(await decode(wave({ rate, data }), 16_000, 150)).toEqual(samples);
  },
);

describe('bad sound is refused with what is wrong', async () => {
  const message = await recording('message.wav');
  const mp3 = await recording('message-22050.mp3');
  const flac = await recording('message-24000-stereo.flac');
  const opus = await recording('message.opus');
  const second = Buffer.alloc(32_000);
  test.each<[string, Uint8Array, number, RegExp]>([
    ['nothing', Buffer.alloc(0), 400, /no bytes/],
    ['text', Buffer.from('hello'), 415, /expected WAV, FLAC, MP3/],
    ['a WAVE that is cut', message.subarray(0, 9000), 400, /truncated/],
    ['a WAVE of its header alone', message.subarray(0, 40), 400, /samples/],
    ['a WAVE without samples', wave({ data: Buffer.alloc(0) }), 400, /at least one sample/],
    ['a WAVE of no channels', wave({ channels: 0, data: second }), 400, /1 to 64 channels/],
    ['a WAVE of 65,535 channels', wave({ channels: 65_535, data: second }), 400, /64 channels/],
    ['a WAVE of no rate', wave({ rate: 0, data: second }), 400, /a rate of 1000/],
    ['a WAVE of a gigahertz', wave({ rate: 1e9, data: second }), 400, /a rate of 1000/],
    ['a WAVE of 12 bits of ADPCM', wave({ tag: 2, bits: 4, data: second }), 400, /format 2/],
    ['a WAVE that lies about its size', wave({ data: second, declared: 1e9 }), 400, /truncated/],
    ['a minute too long', wave({ data: Buffer.alloc(16_000 * 2 * 61) }), 413, /at most 60 s/],
    ['a FLAC with noise inside', noisy(flac), 400, /corrupt/],
    ['an Opus with noise inside', noisy(opus), 400, /corrupt/],
    [
      'an MP3 tag and nothing else',
      Buffer.from('ID3\u0004\0\0\0\0\0\0'),
      400,
      /at least one sample/,
    ],
    ['half of an Ogg page', opus.subarray(0, 60), 400, /sample|corrupt/],
  ])('%s', async (_, bytes, statusCode, pattern) => {
    const error: ServingError = await decode(bytes).then(
      () => expect.unreachable('it was decoded'),
      (refused) => refused,
    );
    expect(error.message).toMatch(pattern);
    expect(error.statusCode).toBe(statusCode);
  });

  test('an MP3 with noise inside is refused or decoded to something finite', async () => {
    const outcome = await decode(noisy(mp3)).catch((error: ServingError) => error.statusCode);
    if (outcome instanceof Float32Array) expect(outcome.every(Number.isFinite)).toBe(true);
    else expect(outcome).toBe(400);
  });

  test('an hour of compressed silence stops at the limit', async () => {
    const before = process.memoryUsage().rss;
    const frames = Array.from({ length: 400 }, () => mp3);
    await expect(decode(Buffer.concat(frames))).rejects.toThrow(/at most 60 s/);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
  });
});

/** Bytes of the second half overwritten. */
function noisy(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  for (let i = copy.length >> 1; i < copy.length - 40; i += 90) copy.fill(0x5a, i, i + 40);
  return copy;
}
