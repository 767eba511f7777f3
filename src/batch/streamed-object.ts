import type { ObjectStore, PutOptions, PutOutcome } from './object-store.ts';

/** Pieces that wait to be uploaded: beyond this whoever writes waits too. */
const waitingPieces = 1;

/** An object that is uploaded while it is made, so that its end is all that is left to upload at its end. */
export class StreamedObject {
  readonly #outcome: Promise<PutOutcome>;
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #failure: { readonly cause: unknown } | undefined;
  /** Calls whoever waits for the other side. */
  #wake: () => void = () => undefined;

  /** @param options how it is written at its end: until then nobody sees anything of it */
  constructor(store: Pick<ObjectStore, 'assemble'>, key: string, options: PutOptions = {}) {
    this.#outcome = store.assemble(key, this.#uploads(), options);
    this.#outcome.catch((cause: unknown) => {
      this.#failure = { cause };
      this.#wake();
    });
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes bytes over, which must not be changed any more. @throws what the upload failed with */
  async write(piece: Uint8Array): Promise<void> {
    this.#pieces.push(piece);
    this.#bytes += piece.byteLength;
    this.#wake();
    while (this.#pieces.length > waitingPieces && this.#failure === undefined) await this.#turn();
    if (this.#failure !== undefined) throw this.#failure.cause;
  }

  /** @throws what the upload failed with */
  end(): Promise<PutOutcome> {
    this.#ended = true;
    this.#wake();
    return this.#outcome;
  }

  /** Leaves nothing behind, unless it was ended. */
  async abandon(): Promise<void> {
    if (this.#ended) return;
    this.#failure ??= { cause: new Error('abandoned') };
    this.#wake();
    await this.#outcome.catch(() => undefined);
  }

  async *#uploads(): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.cause;
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#wake();
        yield piece;
      } else if (this.#ended) return;
      else await this.#turn();
    }
  }

  /** Writer and uploader never wait at once: the one waits for room, the other for pieces. */
  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
