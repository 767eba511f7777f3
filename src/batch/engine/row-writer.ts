import { maximumFloat32Characters, writeFloat32 } from '../../protocol/float32-text.ts';
import type { Datatype, Tensor } from '../../protocol/tensor.ts';

const comma = 0x2c;
const newline = 0x0a;
/** An INT32, with a comma. */
const maximumIntegerCharacters = 12;
/** So many are copied faster one by one than by a call. */
const fewBytes = 24;

/** What stands around the values of a row. */
export interface RowLayout {
  /** Before the row's first value. */
  readonly before: string;
  /** Before each output's values, and behind them when the output has several a row. */
  readonly outputs: readonly {
    readonly before: string;
    readonly open: string;
    readonly close: string;
  }[];
  /** Behind the row's last value. */
  readonly after: string;
}

/** Whether `writeRows` knows the values of a datatype. */
export function isWritten(datatype: Datatype): boolean {
  return datatype === 'FP32' || datatype === 'INT64' || datatype === 'INT32';
}

/** Bytes that a row begins with, such as the row of the input that its prediction stands beside. */
export type RowStart = (row: number) => Uint8Array;

/**
 * Rows of outputs as lines, written straight to bytes: what most models answer rows with.
 *
 * @returns undefined for outputs of another form (no numbers, more than two dimensions), or with a value that JSON cannot
 *   carry: others know what to say of it
 */
export function writeRows(
  outputs: readonly Tensor[],
  rows: number,
  layout: RowLayout,
  start?: RowStart,
): Uint8Array | undefined {
  const writers = outputs.map(valueWriter);
  const texts = layout.outputs.map(({ before, open, close }) => ({
    before: Buffer.from(before),
    open: Buffer.from(open),
    close: Buffer.from(close),
  }));
  const before = Buffer.from(layout.before);
  const after = Buffer.from(layout.after);
  const starts = start === undefined ? [] : Array.from({ length: rows }, (_, row) => start(row));
  let room = starts.reduce((bytes, one) => bytes + one.byteLength, 0);
  room += rows * (before.byteLength + after.byteLength + 1);
  for (const [index, writer] of writers.entries()) {
    const text = texts[index];
    if (writer === undefined || text === undefined) return undefined;
    const around = text.before.byteLength + text.open.byteLength + text.close.byteLength;
    room += rows * (around + writer.width * writer.characters);
  }
  const bytes = Buffer.allocUnsafe(room);
  let offset = 0;
  const put = (text: Uint8Array) => {
    if (text.byteLength > fewBytes) {
      bytes.set(text, offset);
      offset += text.byteLength;
      return;
    }
    for (let index = 0; index < text.byteLength; index++) bytes[offset++] = text[index] ?? 0;
  };
  for (let row = 0; row < rows; row++) {
    const first = starts[row];
    if (first !== undefined) {
      bytes.set(first, offset);
      offset += first.byteLength;
    }
    put(before);
    for (let index = 0; index < writers.length; index++) {
      const writer = writers[index];
      const text = texts[index];
      if (writer === undefined || text === undefined) continue;
      const { width, isVector, write } = writer;
      put(text.before);
      if (isVector) put(text.open);
      for (let place = row * width; place < (row + 1) * width; place++) {
        if (place > row * width) bytes[offset++] = comma;
        offset = write(place, bytes, offset);
      }
      if (isVector) put(text.close);
    }
    put(after);
    bytes[offset++] = newline;
  }
  return bytes.subarray(0, offset);
}

/** Writes the values of an output one by one. */
interface ValueWriter {
  /** Values of a row. */
  readonly width: number;
  /** Whether an output has them in a dimension of its own. */
  readonly isVector: boolean;
  /** Characters that a value may take, with a comma. */
  readonly characters: number;
  /** @returns the offset behind the value */
  readonly write: (place: number, bytes: Uint8Array, offset: number) => number;
}

function valueWriter({ data, shape }: Tensor): ValueWriter | undefined {
  const [, width] = shape;
  if (shape.length > 2) return undefined;
  const form = { width: width ?? 1, isVector: width !== undefined };
  if (data instanceof Float32Array) {
    for (let index = 0; index < data.length; index++) {
      if (!Number.isFinite(data[index])) return undefined;
    }
    return {
      ...form,
      characters: maximumFloat32Characters,
      write: (place, bytes, offset) => writeFloat32(data[place] ?? 0, bytes, offset),
    };
  }
  if (data instanceof BigInt64Array) {
    // Two 32-bit halves, low first as on every platform of Node; what is no INT32 is left to others.
    const halves = new Int32Array(data.buffer, data.byteOffset, data.length * 2);
    for (let index = 0; index < data.length; index++) {
      if ((halves[2 * index] ?? 0) >> 31 !== halves[2 * index + 1]) return undefined;
    }
    return { ...form, ...integers((place) => halves[2 * place] ?? 0) };
  }
  if (data instanceof Int32Array) return { ...form, ...integers((place) => data[place] ?? 0) };
  return undefined;
}

function integers(valueAt: (place: number) => number): Pick<ValueWriter, 'characters' | 'write'> {
  return {
    characters: maximumIntegerCharacters,
    write(place, bytes, start) {
      const text = `${valueAt(place)}`;
      for (let index = 0; index < text.length; index++) {
        bytes[start + index] = text.charCodeAt(index);
      }
      return start + text.length;
    },
  };
}

/** Lines with their ends. */
export function joinLines(lines: readonly string[]): Uint8Array {
  return Buffer.from(lines.map((line) => `${line}\n`).join(''));
}
