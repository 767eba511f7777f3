import { invalidRequest } from '../../errors.ts';

/** Samples of a part of a file, one array a channel, between -1 and 1. */
export interface DecodedPart {
  readonly channels: readonly Float32Array[];
  readonly sampleRate: number;
}

interface WaveFormat {
  readonly encoding: 'integer' | 'float' | 'a-law' | 'mu-law';
  readonly channels: number;
  readonly sampleRate: number;
  readonly bytesPerSample: number;
}

/** Format tags of the WAVE specification (Microsoft's mmreg.h). */
const encodings: Readonly<Record<number, WaveFormat['encoding']>> = {
  1: 'integer',
  3: 'float',
  6: 'a-law',
  7: 'mu-law',
};
const extensibleTag = 0xfffe;

/** Frames decoded at a time, so that a limit is noticed before memory is taken. */
const framesPerPart = 65_536;

export function isWave(bytes: Uint8Array): boolean {
  return text(bytes, 0) === 'RIFF' && text(bytes, 8) === 'WAVE';
}

function text(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

/**
 * Reads a RIFF WAVE file part by part: 8, 16, 24 and 32-bit integers, 32 and 64-bit floats, A-law and mu-law. Own code, for
 * the WAVE readers on npm hold the whole file as numbers and trust the sizes in its header.
 *
 * @throws ServingError INVALID_REQUEST
 */
export function* readWave(bytes: Uint8Array): Generator<DecodedPart> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let format: WaveFormat | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = text(bytes, at);
    const declared = view.getUint32(at + 4, true);
    const start = at + 8;
    if (id === 'fmt ') format = readFormat(view, start, declared);
    if (id === 'data') {
      if (format === undefined) throw invalidRequest('sound', 'a fmt chunk before data', 'none');
      // A stream whose length was not known when it was written says 0 or the highest number.
      const open = declared === 0 || declared === 0xffffffff;
      const size = open ? bytes.length - start : declared;
      if (start + size > bytes.length) {
        throw invalidRequest(
          'sound',
          `${size} bytes of samples`,
          `${bytes.length - start}: truncated`,
        );
      }
      yield* readSamples(view, start, size, format);
      return;
    }
    at = start + declared + (declared % 2);
  }
  throw invalidRequest('sound', 'a WAVE file with samples', 'none');
}

function readFormat(view: DataView, start: number, size: number): WaveFormat {
  if (size < 16 || start + size > view.byteLength) {
    throw invalidRequest('sound', 'a whole fmt chunk', 'a truncated one');
  }
  const tag = view.getUint16(start, true);
  const actual = tag === extensibleTag && size >= 26 ? view.getUint16(start + 24, true) : tag;
  const encoding = encodings[actual];
  const channels = view.getUint16(start + 2, true);
  const sampleRate = view.getUint32(start + 4, true);
  const bits = view.getUint16(start + 14, true);
  const bytesPerSample = Math.ceil(bits / 8);
  const possible: Record<WaveFormat['encoding'], readonly number[]> = {
    integer: [1, 2, 3, 4],
    float: [4, 8],
    'a-law': [1],
    'mu-law': [1],
  };
  if (encoding === undefined || !possible[encoding].includes(bytesPerSample)) {
    throw invalidRequest(
      'sound',
      'WAVE of 8 to 32-bit PCM, 32 or 64-bit float, A-law or mu-law',
      `format ${actual} of ${bits} bits`,
    );
  }
  if (channels < 1 || channels > 64)
    throw invalidRequest('sound', '1 to 64 channels', `${channels}`);
  return { encoding, channels, sampleRate, bytesPerSample };
}

function* readSamples(
  view: DataView,
  start: number,
  size: number,
  format: WaveFormat,
): Generator<DecodedPart> {
  const { channels, bytesPerSample, sampleRate } = format;
  const frameBytes = channels * bytesPerSample;
  const frames = Math.floor(size / frameBytes);
  const isPcm16 = format.encoding === 'integer' && bytesPerSample === 2;
  const read = sampleReader(view, format);
  for (let first = 0; first < frames; first += framesPerPart) {
    const count = Math.min(framesPerPart, frames - first);
    const arrays = Array.from({ length: channels }, () => new Float32Array(count));
    const from = start + first * frameBytes;
    if (isPcm16) {
      splitPcm16(view, from, arrays);
    } else {
      for (const [channel, array] of arrays.entries()) {
        let at = from + channel * bytesPerSample;
        for (let i = 0; i < count; i += 1) {
          array[i] = read(at);
          at += frameBytes;
        }
      }
    }
    yield { channels: arrays, sampleRate };
  }
}

/** What nearly every file holds, ten times as fast as sample by sample. Node's processors are little-endian, as is WAVE. */
function splitPcm16(view: DataView, from: number, channels: readonly Float32Array[]): void {
  const frames = channels[0]?.length ?? 0;
  const at = view.byteOffset + from;
  // A copy, for the samples may lie at an odd place.
  const whole = new Int16Array(view.buffer.slice(at, at + frames * channels.length * 2));
  for (const [channel, samples] of channels.entries()) {
    let place = channel;
    for (let i = 0; i < frames; i += 1) {
      samples[i] = (whole[place] ?? 0) / 32_768;
      place += channels.length;
    }
  }
}

function sampleReader(view: DataView, format: WaveFormat): (at: number) => number {
  switch (format.encoding) {
    case 'float':
      return format.bytesPerSample === 4
        ? (at) => finite(view.getFloat32(at, true))
        : (at) => finite(view.getFloat64(at, true));
    case 'a-law':
      return (at) => aLaw(view.getUint8(at));
    case 'mu-law':
      return (at) => muLaw(view.getUint8(at));
    case 'integer':
      switch (format.bytesPerSample) {
        case 1:
          return (at) => (view.getUint8(at) - 128) / 128;
        case 3:
          return (at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8_388_608;
        // Four: of two, splitPcm16 reads all at once.
        default:
          return (at) => view.getInt32(at, true) / 2_147_483_648;
      }
  }
}

/** A sample that is no number is silence: one NaN would spoil every window after it. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

/** ITU-T G.711, A-law: 13 bits. */
function aLaw(code: number): number {
  const value = code ^ 0x55;
  const exponent = (value >> 4) & 7;
  const mantissa = ((value & 15) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 256) << (exponent - 1);
  return (value & 0x80 ? magnitude : -magnitude) / 32_768;
}

/** ITU-T G.711, mu-law: 14 bits. */
function muLaw(code: number): number {
  const value = ~code & 0xff;
  const magnitude = ((((value & 15) << 3) + 132) << ((value >> 4) & 7)) - 132;
  return (value & 0x80 ? -magnitude : magnitude) / 32_768;
}
