/** Why a disk or a folder did not take something. */
export interface DiskTrouble {
  /** In words that follow a folder's name and a colon. */
  readonly reason: string;
  /** What the person at the laptop can do. */
  readonly remedy: string;
  /** Whether it is room that is missing. */
  readonly isFull: boolean;
}

const makeRoom = 'make room there';
const putRight = 'put that right';

/** What a system error means for somebody who chose the folder: reason, remedy, whether room is missing. */
const meanings: Readonly<Record<string, readonly [string, string, boolean]>> = {
  EACCES: ['this user may not write there', putRight, false],
  EDQUOT: ["this user's share of the disk is used up", makeRoom, true],
  EEXIST: ['there is a file of that name', putRight, false],
  EFBIG: ['a file there may not grow any more (ulimit -f)', 'raise that limit', true],
  EIO: ['the disk fails', putRight, false],
  EISDIR: ['a folder stands where a file should', putRight, false],
  ENOENT: ['a folder or file that should be there is not, and cannot be made', putRight, false],
  ENOSPC: ['the disk is full', makeRoom, true],
  ENOTDIR: ['a part of its path is a file', putRight, false],
  EPERM: ['this user may not write there', putRight, false],
  EROFS: ['it is on a file system that is read-only', putRight, false],
};

/** @returns undefined for an error that does not come from the disk */
export function diskTrouble(error: unknown): DiskTrouble | undefined {
  if (!(error instanceof Error && 'code' in error && 'syscall' in error)) return undefined;
  const meaning = meanings[String(error.code)];
  if (meaning === undefined) return undefined;
  const [reason, remedy, isFull] = meaning;
  return { reason, remedy, isFull };
}

/** For so long the same trouble is not told again: a disk stays full for many requests. */
const quietMs = 30_000;

/** Puts the failures of one folder into words, for each caller, and now and then for the log. */
export class DiskWatch {
  readonly #folder: string;
  readonly #tell: (sentence: string) => void;
  readonly #toldMs = new Map<string, number>();

  /** @param tell hears a trouble when it is new, and every half minute while it lasts */
  constructor(folder: string, tell: (sentence: string) => void) {
    this.#folder = folder;
    this.#tell = tell;
  }

  /**
   * What to answer to whoever asked for the work that failed.
   * @returns undefined for an error that does not come from the disk
   */
  explain(error: unknown): { readonly sentence: string; readonly isFull: boolean } | undefined {
    const trouble = diskTrouble(error);
    if (trouble === undefined) return undefined;
    const { reason, remedy, isFull } = trouble;
    const sentence = `${this.#folder} cannot be used: ${reason}; ${remedy} and try again`;
    const toldMs = this.#toldMs.get(reason) ?? Number.NEGATIVE_INFINITY;
    if (performance.now() - toldMs > quietMs) {
      this.#toldMs.set(reason, performance.now());
      this.#tell(sentence);
    }
    return { sentence, isFull };
  }
}
