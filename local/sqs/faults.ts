import * as v from 'valibot';
import {
  FaultCounter,
  optionalMilliseconds,
  parsePlan,
  seededPlanEntries,
} from '../faults/plan.ts';
import { seededUnit } from '../faults/random.ts';
import { SqsError } from './errors.ts';
import { copyOf, type Message, md5Of } from './message.ts';

/** All are what AWS documents or at-least-once delivery allows: a correct client loses nothing to any of them. */
const faults = [
  /** 403 RequestThrottled; nothing was done. */
  'throttle',
  /** 403 OverLimit, too many messages in flight; nothing was done. ReceiveMessage only. */
  'overLimit',
  /** 500 InternalFailure; nothing was done. */
  'internalError',
  /** The connection is reset before the call is looked at. */
  'resetBeforeAnswer',
  /** The call is carried out and the connection reset instead of an answer. */
  'lostResponse',
  /** One entry of a batch call fails with InternalFailure, the others are carried out. */
  'entryFailure',
  /** A sent message is delivered twice, the second copy up to `maximumDelayMs` later. */
  'duplicate',
  /** A sent message is held back for up to `maximumDelayMs`. */
  'delay',
  /** A ReceiveMessage is given messages out of order. */
  'reorder',
] as const;

export type SqsFault = (typeof faults)[number];

const faultPlanSchema = v.strictObject({
  ...seededPlanEntries(faults),
  /** Operations whose calls and entries go wrong, such as `SendMessage`. @default all */
  operations: v.optional(v.array(v.string())),
  maximumDelayMs: optionalMilliseconds(1000),
});

export type SqsFaultPlan = v.InferInput<typeof faultPlanSchema>;

/** Out of how many visible messages a reordered receive draws. */
const reorderWindow = 64;

/** What happens to a call: an error, a reset, or nothing. */
export type CallFault = SqsError | 'resetBeforeAnswer' | 'lostResponse' | undefined;

/**
 * Decides which calls and messages go wrong, and counts. Off until a plan is set. A decision depends on the
 * seed, the fault and a subject alone: for a message its body and how often that body was sent, for a call
 * its operation and how many came before. So polling, whose rhythm nobody can repeat, does not shift what
 * happens to the messages.
 */
export class FaultInjector {
  #plan: v.InferOutput<typeof faultPlanSchema> | undefined;
  readonly #asked = new Map<string, number>();
  readonly #counter = new FaultCounter<SqsFault>();

  /** Undefined while the faults are off. */
  get plan(): SqsFaultPlan | undefined {
    return this.#plan;
  }

  /** How often each fault was injected. */
  get counts(): Readonly<Partial<Record<SqsFault, number>>> {
    return this.#counter.counts;
  }

  /**
   * Replaces the plan; undefined or null ends the faults. Counts go on; calls are numbered anew.
   * @param plan an `SqsFaultPlan`, or JSON from outside
   * @throws FaultPlanError
   */
  setPlan(plan: unknown): void {
    this.#plan = parsePlan(faultPlanSchema, plan);
    this.#asked.clear();
  }

  /** What is to happen to the next call of an operation. */
  forCall(operation: string): CallFault {
    if (!this.#concerns(operation)) return undefined;
    if (this.#hits('throttle', operation)) {
      return new SqsError('RequestThrottled', 'Injected fault: the request was throttled.');
    }
    if (operation === 'ReceiveMessage' && this.#hits('overLimit', operation)) {
      return new SqsError('OverLimit', 'Injected fault: too many messages are in flight.');
    }
    if (this.#hits('internalError', operation)) {
      return new SqsError('InternalFailure', 'Injected fault: the service failed.');
    }
    if (this.#hits('resetBeforeAnswer', operation)) return 'resetBeforeAnswer';
    if (this.#hits('lostResponse', operation)) return 'lostResponse';
    return undefined;
  }

  /** Whether the next entry of a batch call fails. */
  entryFails(operation: string): boolean {
    return this.#concerns(operation) && this.#hits('entryFailure', operation);
  }

  /** What goes into the queue for a message that was sent: itself, perhaps later, perhaps with a copy. */
  deliveriesOf(message: Message): readonly Message[] {
    if (this.#plan === undefined) return [message];
    const { maximumDelayMs } = this.#plan;
    const subject = md5Of(message.body);
    const later = (late: Message): Message => {
      const delayMs = Math.ceil(this.#draw('by how much', subject) * maximumDelayMs);
      return { ...late, visibleAtMs: late.visibleAtMs + delayMs };
    };
    const first = this.#hits('delay', subject) ? later(message) : message;
    return this.#hits('duplicate', subject) ? [first, later(copyOf(message))] : [first];
  }

  /** The order in which a receive sees the visible messages. */
  arrange(oldestFirst: Iterable<Message>): Iterable<Message> {
    if (!this.#plan?.rates.reorder) return oldestFirst;
    const window: Message[] = [];
    for (const message of oldestFirst) {
      window.push(message);
      if (window.length === reorderWindow) break;
    }
    if (window.length < 2 || !this.#hits('reorder', 'ReceiveMessage')) return oldestFirst;
    return window
      .map((message) => ({ message, rank: this.#draw('which first', md5Of(message.body)) }))
      .sort((one, other) => one.rank - other.rank)
      .map(({ message }) => message);
  }

  #concerns(operation: string): boolean {
    return this.#plan?.operations?.includes(operation) ?? true;
  }

  #hits(fault: SqsFault, subject: string): boolean {
    const rate = this.#plan?.rates[fault] ?? 0;
    if (rate === 0 || this.#draw(fault, subject) >= rate) return false;
    this.#counter.count(fault);
    return true;
  }

  /** A number from 0 up to 1 for a question about a subject, another each time it is asked. */
  #draw(question: string, subject: string): number {
    const identity = `${question}\n${subject}`;
    const before = this.#asked.get(identity) ?? 0;
    this.#asked.set(identity, before + 1);
    return seededUnit(this.#plan?.seed ?? 0, `${identity}\n${before}`);
  }
}
