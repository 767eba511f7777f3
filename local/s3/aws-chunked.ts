import { S3Error } from './errors.ts';

const lineBreak = Buffer.from('\r\n');

/** A chunk's header and a trailer line are short; more is an attack or a mistake. */
const lineLimitBytes = 16 * 1024;

/** Receives the trailing headers, by lower-case name, once the last chunk was read. */
export type TrailerSink = (trailers: ReadonlyMap<string, string>) => void;

/**
 * Takes the bytes out of an `aws-chunked` body: `<hex size>[;chunk-signature=...]\r\n<bytes>\r\n` repeated,
 * a chunk of size 0, trailing headers, an empty line. Chunk signatures are not verified.
 * Source: "Signature calculations for trailing headers" of the Amazon S3 API reference.
 * @throws S3Error IncompleteBody or MalformedTrailerError
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Buffer>,
  onTrailers: TrailerSink,
): AsyncGenerator<Buffer> {
  const reader = new LineReader(source);
  for (;;) {
    const sizeBytes = parseChunkHeader(await reader.line());
    if (sizeBytes === 0) break;
    yield* reader.bytes(sizeBytes);
    if ((await reader.line()) !== '') throw incomplete('a chunk is not followed by a line break');
  }
  const trailers = new Map<string, string>();
  for (let line = await reader.trailerLine(); line !== ''; line = await reader.trailerLine()) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw new S3Error('MalformedTrailerError');
    trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  onTrailers(trailers);
}

function parseChunkHeader(line: string): number {
  const size = line.split(';', 1)[0] ?? '';
  if (!/^[0-9a-f]{1,12}$/i.test(size)) throw incomplete('a chunk does not begin with its size');
  return Number.parseInt(size, 16);
}

function incomplete(reason: string): S3Error {
  return new S3Error('IncompleteBody', {
    message: `The aws-chunked body is not valid: ${reason}.`,
  });
}

/** Reads lines and counted bytes in turn from a stream of buffers. */
class LineReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next line without its line break. */
  async line(): Promise<string> {
    const line = await this.#lineOrEnd();
    if (line === undefined) throw incomplete('it ends too early');
    return line;
  }

  /** As `line`; the end of the body counts as the empty line that some clients leave out. */
  async trailerLine(): Promise<string> {
    return (await this.#lineOrEnd()) ?? '';
  }

  async *bytes(count: number): AsyncGenerator<Buffer> {
    let missing = count;
    while (missing > 0) {
      if (this.#rest.byteLength === 0 && !(await this.#more())) {
        throw incomplete('it ends within a chunk');
      }
      const taken = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(taken.byteLength);
      missing -= taken.byteLength;
      yield taken;
    }
  }

  async #lineOrEnd(): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf(lineBreak);
      if (end >= 0) {
        const line = this.#rest.toString('latin1', 0, end);
        this.#rest = this.#rest.subarray(end + lineBreak.byteLength);
        return line;
      }
      if (this.#rest.byteLength > lineLimitBytes) throw incomplete('a line is too long');
      if (!(await this.#more())) {
        if (this.#rest.byteLength > 0) throw incomplete('it ends within a line');
        return undefined;
      }
    }
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#source.next();
    if (done === true) return false;
    this.#rest = this.#rest.byteLength === 0 ? value : Buffer.concat([this.#rest, value]);
    return true;
  }
}
