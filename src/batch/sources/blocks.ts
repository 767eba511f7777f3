import type { ObjectPin, ObjectStore } from '../object-store.ts';

/** Consecutive bytes of an object. */
export interface Block {
  /** Offset of its first byte in the object. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface BlockOptions {
  /** Size of a read. @default 4 MiB */
  readonly blockBytes?: number;
  /** Size of the first read behind `end`, doubled from read to read. @default 64 KiB */
  readonly overrunBytes?: number;
  /**
   * Whether a block is there only until the next one is asked for: its memory then takes the bytes of another. Memory that
   * was never touched costs more than receiving into it, and is garbage outside the heap afterwards. @default false
   */
  readonly lent?: boolean;
}

/** Reads under way beside the block that is worked on: S3 takes a moment to begin, and one connection has its limit. */
const readsAhead = 2;

/**
 * An object's bytes from `start` to its end, in bounded reads with the next ones under way while a block is worked on:
 * no stream stands open while a model runs, and memory holds three blocks. The reader stops when it has enough. Behind
 * `end`, where usually only the rest of one record is wanted, reads start small and come one by one.
 *
 * @param object pinned, with its size
 * @param end where most readers stop
 */
export async function* readBlocks(
  store: Pick<ObjectStore, 'read'>,
  object: ObjectPin & { readonly sizeBytes: number },
  start: number,
  end: number,
  options: BlockOptions = {},
): AsyncGenerator<Block> {
  const blockBytes = options.blockBytes ?? 4 * 1024 * 1024;
  let overrunBytes = options.overrunBytes ?? 64 * 1024;
  const lent = options.lent === true;
  /** Memory of blocks that are no longer there; what is too small for a read waits for another. */
  const free: Uint8Array<ArrayBuffer>[] = [];
  let position = start;
  const ahead: Promise<{ readonly block: Block; readonly memory: Uint8Array<ArrayBuffer> }>[] = [];
  const begin = (stop: number) => {
    const offset = position;
    position = Math.min(stop, object.sizeBytes);
    const bytesWanted = position - offset;
    const fitting = free.findIndex(({ byteLength }) => byteLength >= bytesWanted);
    const [memory] = fitting < 0 ? [] : free.splice(fitting, 1);
    const block = store
      .read(object, offset, position, memory)
      .then((bytes) => ({ block: { offset, bytes }, memory: memory ?? bytes }));
    // Its failure is told when it is awaited, which may be never.
    block.catch(() => undefined);
    ahead.push(block);
  };
  const stop = Math.min(end, object.sizeBytes);
  for (;;) {
    // Nothing is read ahead across `end`: the reader is probably done there.
    while (ahead.length <= readsAhead && position < stop) {
      begin(Math.min(position + blockBytes, stop));
    }
    if (ahead.length === 0) {
      if (position >= object.sizeBytes) return;
      begin(position + overrunBytes);
      overrunBytes = Math.min(overrunBytes * 2, blockBytes);
    }
    const current = await ahead.shift();
    if (current === undefined) continue;
    yield current.block;
    if (lent) free.push(current.memory);
  }
}
