import { maximumFloat32Characters, writeFloat32 } from '../../protocol/float32-text.ts';
import type { Tensor } from '../../protocol/tensor.ts';

const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const newline = 0x0a;

export function joinLines(lines: readonly string[]): Uint8Array {
  return Buffer.from(lines.map((line) => `${line}\n`).join(''));
}

/**
 * Rows of an FP32 output as lines of JSON, `[0.25,0.75]` each or `0.25`: what most models answer rows with, written
 * straight to bytes.
 *
 * @returns undefined for an output of another form, or with a value that JSON cannot carry: others know what to say of it
 */
export function vectorLines({ data, shape }: Tensor): Uint8Array | undefined {
  const [rows = 0, width] = shape;
  if (!(data instanceof Float32Array) || shape.length > 2) return undefined;
  for (let index = 0; index < data.length; index++) {
    if (!Number.isFinite(data[index])) return undefined;
  }
  const bytes = Buffer.allocUnsafe(data.length * maximumFloat32Characters + rows * 3);
  let offset = 0;
  let place = 0;
  for (let row = 0; row < rows; row++) {
    if (width === undefined) offset = writeFloat32(data[place++] ?? 0, bytes, offset);
    else {
      bytes[offset++] = openBracket;
      for (let column = 0; column < width; column++) {
        if (column > 0) bytes[offset++] = comma;
        offset = writeFloat32(data[place++] ?? 0, bytes, offset);
      }
      bytes[offset++] = closeBracket;
    }
    bytes[offset++] = newline;
  }
  return bytes.subarray(0, offset);
}
