import { readFileSync } from 'node:fs';
import type { SeededRandom } from '../support/random.ts';

/** A valid request, in parts that can be changed one by one. */
export interface Template {
  readonly method: string;
  /** Percent-encoded. */
  readonly path: string;
  /** Without the question mark. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: string;
  /** Behind the JSON; the whole body where there is none. */
  readonly bytes?: Uint8Array;
  /** @default 200 */
  readonly status?: number;
  /** What stands in the body of the right answer. */
  readonly answer?: string | Uint8Array;
}

const projectFile = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url));
export const picture = projectFile('examples/ocr/line.png');
export const recording = wave(0.2);

export const json = { 'content-type': 'application/json' };

/** Rows of a request: few as a rule. */
export function rowsOf(random: SeededRandom): number {
  return random.pick([1, 1, 2, 3, 40, 2000]);
}

export function integers(random: SeededRandom, count: number, limit: number): number[] {
  return Array.from({ length: count }, () => random.integer(-limit, limit));
}

export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

export function words(random: SeededRandom, count: number): string[] {
  return Array.from({ length: count }, () => random.pick(['a', '', 'größer', '東京 🗼', '"\\']));
}

/** A request of the Open Inference Protocol for one input, `x`. */
export function infer(
  model: string,
  input: object,
  rest: Partial<Template> & { request?: object },
) {
  const { request, ...others } = rest;
  return {
    method: 'POST',
    path: `/v2/models/${encodeURIComponent(model)}/infer`,
    headers: json,
    json: JSON.stringify({ id: 'q', ...request, inputs: [{ name: 'x', ...input }] }),
    ...others,
  };
}

export function binaryHeaders(text: string): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': `${Buffer.byteLength(text)}`,
  };
}

/** As `infer`, with the tensor behind the JSON both ways. */
export function inferBinary(
  model: string,
  datatype: string,
  shape: readonly number[],
  bytes: Uint8Array,
) {
  const input = { datatype, shape, parameters: { binary_data_size: bytes.length } };
  const template = infer(model, input, { request: { parameters: { binary_data_output: true } } });
  return { ...template, headers: binaryHeaders(template.json), bytes, answer: bytes };
}

export function lengthPrefixed(texts: readonly string[]): Uint8Array {
  return Buffer.concat(
    texts.flatMap((text) => {
      const prefix = Buffer.alloc(4);
      prefix.writeUInt32LE(Buffer.byteLength(text));
      return [prefix, Buffer.from(text)];
    }),
  );
}

/** NumPy's file format, version 1 (numpy.lib.format). */
export function npy(values: Float32Array, rows: number): Uint8Array {
  const head = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, 2), }`.padEnd(117);
  const magic = Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1');
  return Buffer.concat([magic, Buffer.from(`${head}\n`), bytesOf(values)]);
}

/** A faint tone as a file of 16-bit samples at 16 kHz. */
function wave(seconds: number): Uint8Array {
  const samples = Int16Array.from({ length: seconds * 16_000 }, (_, at) => 900 * Math.sin(at / 9));
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.set([16, 0, 0, 0, 1, 0, 1, 0], 16);
  header.writeUInt32LE(16_000, 24);
  header.writeUInt32LE(32_000, 28);
  header.set([2, 0, 16, 0], 32);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, bytesOf(samples)]);
}

export function get(path: string, status = 200): () => Template {
  return () => ({ method: 'GET', path, status });
}

export function predict(model: string, contentType: string, body: string | Uint8Array): Template {
  return {
    method: 'POST',
    path: `/v2/models/${model}/predict`,
    headers: { 'content-type': contentType },
    ...(typeof body === 'string' ? { json: body } : { bytes: body }),
    answer: '"predictions"',
  };
}
