/**
 * The shortest decimal form that reads back as the same FP32, whether the reader takes it for a float or, as JSON
 * readers do, for a double first. `0.1f` is `0.1` and not the `0.10000000149011612` of its double: half the bytes,
 * in a third of the time of `JSON.stringify`.
 *
 * The value is scaled to nine digits, which always suffice; then digits are dropped while a shorter number still
 * lies within half a unit in the last place. Doubles have 29 bits to spare over a float, so that the scaling is
 * exact enough; the margin keeps clear of the ties, where the two kinds of reader would differ.
 */

/** Characters that one value can take, with a comma: `-123456790000000000000,`. */
export const maximumFloat32Characters = 24;

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** For each of the 256 biased exponents: the power of ten that makes nine digits of the smallest value. */
const decimalExponents = new Int32Array(256);
const scales = new Float64Array(256);
/** Half a unit in the last place, scaled likewise. */
const halfGaps = new Float64Array(256);
const margin = 1 - 1e-6;

for (let biased = 0; biased < 256; biased++) {
  // Subnormals have the exponent of the smallest normal.
  const exponent = Math.max(biased, 1) - 127;
  const power = 8 - Math.floor(Math.log10(2 ** exponent));
  decimalExponents[biased] = power;
  scales[biased] = Number(`1e${power}`);
  halfGaps[biased] = 2 ** (exponent - 24) * Number(`1e${power}`) * margin;
}

/**
 * Writes the ASCII form of a finite value.
 *
 * @param bytes has room for `maximumFloat32Characters` from `start` on
 * @returns the offset behind it
 */
export function writeFloat32(value: number, bytes: Uint8Array, start: number): number {
  float[0] = value;
  const word = bits[0] ?? 0;
  let offset = start;
  if (word >>> 31 === 1) {
    bytes[offset++] = minus;
    // Readers that tell whole numbers from others, as Python's do, take `-0` for the integer that has no sign.
    if (word === 0x80000000) {
      bytes[offset++] = zero;
      bytes[offset++] = point;
      bytes[offset++] = zero;
      return offset;
    }
  }
  const magnitude = Math.abs(value);
  // Whole numbers of up to nine digits as they are, also where a rounder one would read back the same.
  if (magnitude < 1e9 && (magnitude | 0) === magnitude) {
    return writeInteger(magnitude | 0, bytes, offset);
  }
  const biased = (word >>> 23) & 0xff;
  let power = decimalExponents[biased] ?? 0;
  let scaled = magnitude * (scales[biased] ?? 0);
  let half = halfGaps[biased] ?? 0;
  // Below a power of two the values lie twice as close.
  if ((word & 0x7fffff) === 0 && biased > 1) half *= 0.5;
  if (scaled >= 1e9) {
    scaled *= 0.1;
    half *= 0.1;
    power--;
  }
  const lowest = Math.ceil(scaled - half) | 0;
  const highest = (scaled + half) | 0;
  let unit = 1;
  for (let next = 10; next <= 1e9 && ((highest / next) | 0) * next >= lowest; next *= 10) {
    unit = next;
    power--;
  }
  return writeDecimal((scaled / unit + 0.5) | 0, power, bytes, offset);
}

const text = Buffer.alloc(maximumFloat32Characters);

/** Shortest text of any FP32; `NaN` and `Infinity` as JavaScript writes them. */
export function formatFloat32(value: number): string {
  if (!Number.isFinite(value)) return `${value}`;
  return text.toString('latin1', 0, writeFloat32(value, text, 0));
}

const minus = 0x2d;
const plus = 0x2b;
const point = 0x2e;
const zero = 0x30;
const exponentLetter = 0x65;

/** Writes `digits` x 10^-power in the layout of JavaScript's own numbers. */
function writeDecimal(digits: number, power: number, bytes: Uint8Array, start: number): number {
  const length = countDigits(digits);
  const beforePoint = length - power;
  let offset = start;
  if (beforePoint > 0 && beforePoint <= 21) {
    if (power <= 0) {
      offset = writeInteger(digits, bytes, offset);
      for (let index = power; index < 0; index++) bytes[offset++] = zero;
      return offset;
    }
    writeInteger(digits, bytes, offset + 1);
    for (let index = 0; index < beforePoint; index++) {
      bytes[offset + index] = bytes[offset + index + 1] ?? 0;
    }
    bytes[offset + beforePoint] = point;
    return offset + length + 1;
  }
  if (beforePoint <= 0 && beforePoint > -6) {
    bytes[offset++] = zero;
    bytes[offset++] = point;
    for (let index = beforePoint; index < 0; index++) bytes[offset++] = zero;
    return writeInteger(digits, bytes, offset);
  }
  writeInteger(digits, bytes, offset + 1);
  bytes[offset] = bytes[offset + 1] ?? 0;
  bytes[offset + 1] = point;
  offset += length === 1 ? 1 : length + 1;
  const exponent = beforePoint - 1;
  bytes[offset++] = exponentLetter;
  bytes[offset++] = exponent < 0 ? minus : plus;
  return writeInteger(Math.abs(exponent), bytes, offset);
}

/** `00` to `99`: two digits for one division. */
const pairs = Uint8Array.from({ length: 200 }, (_, index) =>
  index % 2 === 0 ? zero + Math.trunc(index / 20) : zero + (Math.trunc(index / 2) % 10),
);

/** Writes a whole number from 0 to 999,999,999. */
function writeInteger(value: number, bytes: Uint8Array, start: number): number {
  const end = start + countDigits(value);
  let offset = end;
  let rest = value;
  while (rest >= 100) {
    const quotient = (rest / 100) | 0;
    const pair = (rest - quotient * 100) << 1;
    bytes[--offset] = pairs[pair + 1] ?? 0;
    bytes[--offset] = pairs[pair] ?? 0;
    rest = quotient;
  }
  if (rest >= 10) {
    bytes[--offset] = pairs[(rest << 1) + 1] ?? 0;
    bytes[--offset] = pairs[rest << 1] ?? 0;
  } else {
    bytes[--offset] = zero + rest;
  }
  return end;
}

function countDigits(value: number): number {
  if (value < 1e4) {
    if (value < 100) return value < 10 ? 1 : 2;
    return value < 1000 ? 3 : 4;
  }
  if (value < 1e8) {
    if (value < 1e6) return value < 1e5 ? 5 : 6;
    return value < 1e7 ? 7 : 8;
  }
  return value < 1e9 ? 9 : 10;
}
