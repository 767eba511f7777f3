import { checkWriteConditions, type WriteConditions } from './conditions.ts';
import { S3Error } from './errors.ts';
import type { ObjectVersion } from './model.ts';

/** A write under If-None-Match that is on its way. */
interface PendingWrite {
  readonly bucket: string;
  readonly key: string;
  /** Whether an object of the key was deleted in the meantime. */
  deleted: boolean;
}

/** Writes that take long, under conditions that must hold when they end. */
export class ConditionalWrites {
  readonly #pending = new Set<PendingWrite>();

  /**
   * Runs a write. Its conditions are checked at once, to spare a transfer that cannot succeed, and again when
   * the write calls the `check` it is given, in the step that changes the object.
   * @param current the object as it is at the time of the call
   * @throws S3Error as `checkWriteConditions`; ConditionalRequestConflict when the object was deleted meanwhile
   */
  async run<T>(
    bucket: string,
    key: string,
    conditions: WriteConditions,
    current: () => ObjectVersion | undefined,
    write: (check: () => void) => Promise<T>,
  ): Promise<T> {
    const check = (): void => checkWriteConditions(conditions, current(), key);
    check();
    if (conditions.ifNoneMatch === undefined) return await write(check);
    const pending: PendingWrite = { bucket, key, deleted: false };
    this.#pending.add(pending);
    try {
      return await write(() => {
        check();
        if (!pending.deleted) return;
        throw new S3Error('ConditionalRequestConflict', { details: { Key: key } });
      });
    } finally {
      this.#pending.delete(pending);
    }
  }

  /** Tells the pending writes of a key that its object was deleted. */
  noteDeleted(bucket: string, key: string): void {
    for (const pending of this.#pending) {
      if (pending.bucket === bucket && pending.key === key) pending.deleted = true;
    }
  }
}
