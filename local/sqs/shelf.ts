import type { Message } from './message.ts';

/**
 * Where a queue keeps its messages: `ready` to be received, oldest first, or `sleeping` until their
 * `visibleAtMs`. Sleepers, and messages whose retention ends, are looked through only when the first is due,
 * so that a call costs what it takes and not what lies there.
 */
export class Shelf {
  /** All messages by key. The journal writes down what is in it. */
  readonly messages = new Map<string, Message>();
  readonly ready = new Set<Message>();
  readonly sleeping = new Set<Message>();
  #nextDueMs = Number.POSITIVE_INFINITY;
  #nextExpiryMs = Number.POSITIVE_INFINITY;
  #retentionMs: number;

  constructor(retentionMs: number) {
    this.#retentionMs = retentionMs;
  }

  /** When the next sleeper wakes, at the earliest. */
  get nextDueMs(): number {
    return this.#nextDueMs;
  }

  /** Holds for the messages that are there already, too. */
  setRetention(retentionMs: number): void {
    this.#retentionMs = retentionMs;
    this.#nextExpiryMs = 0;
  }

  /** Takes a message in, or files it anew after its `visibleAtMs` has changed. Gives whether it is ready. */
  place(message: Message, now: number): boolean {
    this.messages.set(message.key, message);
    this.ready.delete(message);
    this.sleeping.delete(message);
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, message.sentMs + this.#retentionMs);
    if (message.visibleAtMs <= now) {
      this.ready.add(message);
      return true;
    }
    this.sleeping.add(message);
    this.#nextDueMs = Math.min(this.#nextDueMs, message.visibleAtMs);
    return false;
  }

  remove(message: Message): void {
    this.messages.delete(message.key);
    this.ready.delete(message);
    this.sleeping.delete(message);
  }

  clear(): void {
    this.messages.clear();
    this.ready.clear();
    this.sleeping.clear();
  }

  /** Makes the sleepers ready that are due; gives them in the order in which they were. */
  wake(now: number): readonly Message[] {
    if (now < this.#nextDueMs) return [];
    this.#nextDueMs = Number.POSITIVE_INFINITY;
    const due: Message[] = [];
    for (const message of this.sleeping) {
      if (message.visibleAtMs <= now) due.push(message);
      else this.#nextDueMs = Math.min(this.#nextDueMs, message.visibleAtMs);
    }
    due.sort((one, other) => one.visibleAtMs - other.visibleAtMs);
    for (const message of due) this.place(message, now);
    return due;
  }

  /** The messages whose retention is over; they stay until they are removed. */
  expired(now: number): readonly Message[] {
    if (now < this.#nextExpiryMs) return [];
    this.#nextExpiryMs = Number.POSITIVE_INFINITY;
    const expired: Message[] = [];
    for (const message of this.messages.values()) {
      const expiryMs = message.sentMs + this.#retentionMs;
      if (expiryMs <= now) expired.push(message);
      else this.#nextExpiryMs = Math.min(this.#nextExpiryMs, expiryMs);
    }
    return expired;
  }
}
