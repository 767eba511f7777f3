import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { SqsError } from './errors.ts';
import { copyOf, type Message } from './message.ts';

const rate = v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0);

/**
 * Faults to inject on the wire. Every rate is the share, from 0 to 1, of the calls or messages that are hit.
 * All that AWS documents or at-least-once delivery allows; a correct client loses nothing to any of them.
 */
const faultSettingsSchema = v.strictObject({
  /** The same seed hits the same calls and messages again. */
  seed: v.optional(v.pipe(v.number(), v.integer()), 1),
  /** Operations whose calls are hit, such as `SendMessage`. @default all */
  operations: v.optional(v.array(v.string())),
  /** Calls answered with 403 RequestThrottled, not performed. */
  throttleRate: rate,
  /** ReceiveMessage calls answered with 403 OverLimit, not performed. */
  overLimitRate: rate,
  /** Calls answered with 500 InternalFailure, not performed. */
  internalErrorRate: rate,
  /** Calls whose connection is reset and that are not performed. */
  resetBeforeRate: rate,
  /** Calls that are performed and whose connection is reset before the answer. */
  resetAfterRate: rate,
  /** Entries of batch calls that fail with InternalFailure while the others succeed. */
  entryFailureRate: rate,
  /** Sent messages that are delivered twice, the second copy up to `maximumDelayMs` later. */
  duplicateRate: rate,
  /** Sent messages that are held back for up to `maximumDelayMs`. */
  delayRate: rate,
  maximumDelayMs: v.optional(v.pipe(v.number(), v.minValue(0)), 1000),
  /** ReceiveMessage calls that are given messages out of order. */
  reorderRate: rate,
});

/** What may be left out has its default. */
export type FaultSettings = v.InferInput<typeof faultSettingsSchema>;

/** Fault settings that are not of their form; the message names the field. */
export class FaultSettingsError extends Error {
  override readonly name = 'FaultSettingsError';
}

/** How often each fault was injected since the faults were last set. */
export interface FaultCounts {
  throttle: number;
  overLimit: number;
  internalError: number;
  resetBefore: number;
  resetAfter: number;
  entryFailure: number;
  duplicate: number;
  delay: number;
  reorder: number;
}

type Fault = keyof FaultCounts;

/** Out of how many visible messages a reordered receive draws. */
const reorderWindow = 64;

/** What happens to a call: an error, a reset, or nothing. */
export type CallFault = SqsError | 'resetBefore' | 'resetAfter' | undefined;

/**
 * Decides which calls and messages are hit. Each decision is a hash of the seed, the fault and a subject:
 * for a message its body and how often that body was sent, for a call the operation and its number. So
 * polling, whose rhythm nobody can repeat, does not shift what happens to the messages.
 */
export class Faults {
  #settings = v.parse(faultSettingsSchema, {});
  #counts = noFaults();
  #occurrences = new Map<string, number>();

  /** As they are now, defaults filled in. */
  get settings(): FaultSettings {
    return this.#settings;
  }

  get counts(): Readonly<FaultCounts> {
    return this.#counts;
  }

  /**
   * Replaces all settings, and starts to count and to draw anew; `{}` turns the faults off.
   * @param settings `FaultSettings`, or JSON from outside
   * @throws FaultSettingsError
   */
  set(settings: unknown): void {
    const parsed = v.safeParse(faultSettingsSchema, settings);
    if (!parsed.success) {
      const [issue] = parsed.issues;
      throw new FaultSettingsError(`${v.getDotPath(issue) ?? 'faults'}: ${issue.message}`);
    }
    this.#settings = parsed.output;
    this.#counts = noFaults();
    this.#occurrences = new Map();
  }

  /** What is to happen to the next call of an operation. */
  nextCall(operation: string): CallFault {
    const { operations } = this.#settings;
    if (operations !== undefined && !operations.includes(operation)) return undefined;
    if (this.#hits('throttle', operation)) {
      return new SqsError('RequestThrottled', 'Injected fault: the request was throttled.');
    }
    if (operation === 'ReceiveMessage' && this.#hits('overLimit', operation)) {
      return new SqsError('OverLimit', 'Injected fault: too many messages are in flight.');
    }
    if (this.#hits('internalError', operation)) {
      return new SqsError('InternalFailure', 'Injected fault: the service failed.');
    }
    if (this.#hits('resetBefore', operation)) return 'resetBefore';
    if (this.#hits('resetAfter', operation)) return 'resetAfter';
    return undefined;
  }

  /** Whether the next entry of a batch call fails. */
  nextEntryFails(operation: string): boolean {
    const { operations } = this.#settings;
    if (operations !== undefined && !operations.includes(operation)) return false;
    return this.#hits('entryFailure', operation);
  }

  /** What goes into the queue for a message that was sent: itself, perhaps later, perhaps with a copy. */
  deliveriesOf(message: Message): readonly Message[] {
    const maximumDelayMs = this.#settings.maximumDelayMs;
    const copies = this.#hits('duplicate', message.body) ? [message, copyOf(message)] : [message];
    return copies.map((copy, index) => {
      const held = index > 0 || this.#hits('delay', message.body);
      if (!held) return copy;
      const delayMs = Math.ceil(this.#draw('delayMs', message.body) * maximumDelayMs);
      return { ...copy, visibleAtMs: copy.visibleAtMs + delayMs };
    });
  }

  /** The order in which a receive sees the visible messages. */
  arrange(oldestFirst: Iterable<Message>): Iterable<Message> {
    if (this.#settings.reorderRate === 0) return oldestFirst;
    const window: Message[] = [];
    for (const message of oldestFirst) {
      window.push(message);
      if (window.length === reorderWindow) break;
    }
    if (window.length < 2 || !this.#hits('reorder', 'ReceiveMessage')) return oldestFirst;
    return window
      .map((message) => ({ message, rank: this.#draw('rank', message.body) }))
      .sort((one, other) => one.rank - other.rank)
      .map(({ message }) => message);
  }

  #hits(fault: Fault, subject: string): boolean {
    const rate = this.#settings[`${fault}Rate`];
    if (rate === 0 || this.#draw(fault, subject) >= rate) return false;
    this.#counts[fault] += 1;
    return true;
  }

  /** A number from 0 up to 1 that depends on the seed, the purpose, the subject and how often it was asked for. */
  #draw(purpose: string, subject: string): number {
    const digest = createHash('sha256').update(`${purpose}\n${subject}`).digest('base64');
    const occurrence = this.#occurrences.get(digest) ?? 0;
    this.#occurrences.set(digest, occurrence + 1);
    const { seed } = this.#settings;
    const hash = createHash('sha256').update(`${seed}\n${occurrence}\n${digest}`).digest();
    return hash.readUInt32BE() / 2 ** 32;
  }
}

function noFaults(): FaultCounts {
  return {
    throttle: 0,
    overLimit: 0,
    internalError: 0,
    resetBefore: 0,
    resetAfter: 0,
    entryFailure: 0,
    duplicate: 0,
    delay: 0,
    reorder: 0,
  };
}
