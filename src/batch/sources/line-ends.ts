const newline = 0x0a;
const quote = 0x22;

/** Finds line ends, block by block. */
export interface LineEnds {
  /** Lines as an editor counts them that the line just found has: more than one when it holds quoted line ends. */
  readonly lines: number;
  enter(bytes: Uint8Array, position: number): void;
  /** Place of the next line end in the block; -1 when it lies behind the block. */
  next(): number;
  /** The object ends within a line. */
  finish(): void;
}

export class PlainLineEnds implements LineEnds {
  readonly lines = 1;
  #bytes: Uint8Array = new Uint8Array(0);
  #position = 0;

  enter(bytes: Uint8Array, position: number): void {
    this.#bytes = bytes;
    this.#position = position;
  }

  next(): number {
    const end = this.#bytes.indexOf(newline, this.#position);
    this.#position = end + 1;
    return end;
  }

  finish(): void {
    // A line without an end is one line like any other.
  }
}

/**
 * RFC 4180: a line end between quotes belongs to a field. A quote within a quoted field is written twice, so whether
 * a place is quoted is whether the number of quotes before it is odd.
 */
export class QuotedLineEnds implements LineEnds {
  lines = 1;
  #bytes: Uint8Array = new Uint8Array(0);
  #position = 0;
  #quoted = false;
  /** Line ends within the line so far. */
  #inner = 0;
  /** Place of the next quote at or after the position; the block's length when there is none. */
  #nextQuote = 0;

  enter(bytes: Uint8Array, position: number): void {
    this.#bytes = bytes;
    this.#position = position;
    this.#findQuote();
  }

  next(): number {
    for (;;) {
      const end = this.#bytes.indexOf(newline, this.#position);
      const limit = end < 0 ? this.#bytes.byteLength : end;
      // Each quote up to the line end turns the state over.
      while (this.#nextQuote < limit) {
        this.#quoted = !this.#quoted;
        this.#position = this.#nextQuote + 1;
        this.#findQuote();
      }
      if (end < 0) return -1;
      this.#position = end + 1;
      if (!this.#quoted) {
        this.lines = this.#inner + 1;
        this.#inner = 0;
        return end;
      }
      this.#inner += 1;
    }
  }

  finish(): void {
    this.lines = this.#inner + 1;
  }

  #findQuote(): void {
    const found = this.#bytes.indexOf(quote, this.#position);
    this.#nextQuote = found < 0 ? this.#bytes.byteLength : found;
  }
}
