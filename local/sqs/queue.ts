import { randomUUID } from 'node:crypto';
import { invalidParameter, SqsError } from './errors.ts';
import { Journal } from './journal.ts';
import { copyOf, type Message } from './message.ts';
import { formatReceiptHandle, parseReceiptHandle } from './receipt.ts';
import type { QueueSettings } from './settings.ts';

/** One message in the hands of one receiver. */
export interface Delivery {
  readonly message: Message;
  readonly receiptHandle: string;
}

/** How many messages a queue holds, by what they wait for. */
export interface QueueDepth {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

export interface ReceiveRequest {
  /** 1 to 10. */
  readonly maxMessages: number;
  /** @default the queue's */
  readonly visibilityTimeoutMs?: number;
  /** How long to wait while there is no message. @default the queue's */
  readonly waitMs?: number;
  /** Ends the wait with nothing: a receiver that has gone must not be given messages. */
  readonly signal?: AbortSignal;
}

/** What a queue knows of its surroundings. */
export interface QueueContext {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The queue of that name, for redrive. */
  readonly find: (queueName: string) => Queue | undefined;
  /** The order in which visible messages are handed out; oldest first unless faults are injected. */
  readonly arrange: (oldestFirst: Iterable<Message>) => Iterable<Message>;
}

interface Waiter {
  readonly request: ReceiveRequest;
  readonly settle: (deliveries: readonly Delivery[]) => void;
}

/** The latest delivery of a message since the server started. */
interface Lease {
  readonly delivery: string;
  readonly sinceMs: number;
  /** The message is visible again: the receive came to nothing and counts. */
  returned: boolean;
}

/** SQS: no receiver holds a message for longer than twelve hours. */
const longestVisibilityMs = 43_200_000;

/**
 * A standard queue. A message is either `ready` or `sleeping` (delayed, or in flight with a lease); sleepers
 * are looked through only when the first of them is due.
 */
export class Queue {
  readonly name: string;
  #settings: QueueSettings;
  readonly #context: QueueContext;
  readonly #messages: Map<string, Message>;
  readonly #journal: Journal;
  readonly #ready = new Set<Message>();
  readonly #sleeping = new Set<Message>();
  readonly #leases = new Map<string, Lease>();
  readonly #waiters = new Set<Waiter>();
  #nextDueMs = Number.POSITIVE_INFINITY;
  #nextExpiryMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #serving = false;
  #waitsEnded = false;

  /**
   * Opens a queue with the messages of its journal. Whatever was in flight is visible again, and the receive
   * that a stop cut short does not count: its receiver went with the server.
   */
  static async open(
    name: string,
    settings: QueueSettings,
    journalPath: string,
    context: QueueContext,
  ): Promise<Queue> {
    const messages = new Map<string, Message>();
    const journal = await Journal.open(journalPath, messages);
    return new Queue(name, settings, messages, journal, context);
  }

  private constructor(
    name: string,
    settings: QueueSettings,
    messages: Map<string, Message>,
    journal: Journal,
    context: QueueContext,
  ) {
    this.name = name;
    this.#settings = settings;
    this.#messages = messages;
    this.#journal = journal;
    this.#context = context;
    for (const message of messages.values()) {
      if (message.firstReceivedMs !== undefined) message.visibleAtMs = message.firstReceivedMs;
      this.#place(message);
    }
  }

  get settings(): QueueSettings {
    return this.#settings;
  }

  /** New settings hold for messages that are there already, but for delays and timeouts that run. */
  configure(settings: QueueSettings): void {
    this.#settings = settings;
    this.#nextExpiryMs = 0;
    this.#serveSoon();
  }

  /** Takes a message in. Resolves when it would survive a restart. */
  async put(message: Message): Promise<void> {
    this.#messages.set(message.key, message);
    this.#place(message);
    this.#serveSoon();
    await this.#journal.append(['put', message]);
  }

  /** Hands out messages, or waits for the first one; empty when the wait was in vain. */
  async receive(request: ReceiveRequest): Promise<readonly Delivery[]> {
    if (request.signal?.aborted === true) return [];
    const waitMs = request.waitMs ?? this.settings.receiveWaitSeconds * 1000;
    const taken = this.#take(request);
    if (taken.length > 0 || waitMs === 0 || this.#waitsEnded) return taken;
    return await new Promise((resolve) => {
      const giveUp = () => waiter.settle([]);
      const timeout = setTimeout(giveUp, waitMs);
      const waiter: Waiter = {
        request,
        settle: (deliveries) => {
          clearTimeout(timeout);
          request.signal?.removeEventListener('abort', giveUp);
          this.#waiters.delete(waiter);
          resolve(deliveries);
        },
      };
      request.signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiters.add(waiter);
      this.#arm();
    });
  }

  /**
   * Deletes the message of a receipt handle. One that a later delivery has replaced deletes nothing, and no
   * error says so (SQS API reference: DeleteMessage).
   * @throws SqsError ReceiptHandleIsInvalid
   */
  async delete(receiptHandle: string): Promise<void> {
    const { key, delivery } = this.#parse(receiptHandle);
    const message = this.#messages.get(key);
    const lease = this.#leases.get(key);
    // A receipt from before a restart is good as long as nobody has received the message since.
    if (message === undefined || (lease !== undefined && lease.delivery !== delivery)) return;
    await this.#drop(message);
  }

  /**
   * Hides the message of a receipt handle for that long from now; 0 gives it back.
   * @throws SqsError ReceiptHandleIsInvalid, or InvalidParameterValue when the message is not in flight
   */
  changeVisibility(receiptHandle: string, visibilityTimeoutMs: number): void {
    const { key } = this.#parse(receiptHandle);
    const now = this.#context.now();
    this.#settle(now);
    const message = this.#messages.get(key);
    const lease = this.#leases.get(key);
    if (message === undefined || lease === undefined || !this.#sleeping.has(message)) {
      throw invalidParameter(
        'ReceiptHandle',
        receiptHandle,
        'Message does not exist or is not available for visibility timeout change.',
      );
    }
    if (now - lease.sinceMs + visibilityTimeoutMs > longestVisibilityMs) {
      throw invalidParameter(
        'VisibilityTimeout',
        visibilityTimeoutMs / 1000,
        'Total VisibilityTimeout for the message is beyond the limit [43200 seconds].',
      );
    }
    message.visibleAtMs = now + visibilityTimeoutMs;
    this.#place(message);
    this.#serveSoon();
  }

  /** Deletes every message, in flight or not. */
  async purge(): Promise<void> {
    for (const set of [this.#messages, this.#ready, this.#sleeping, this.#leases]) set.clear();
    await this.#journal.append(['purged']);
  }

  depth(): QueueDepth {
    this.#settle(this.#context.now());
    const inFlight = [...this.#sleeping].filter(({ key }) => this.#leases.has(key)).length;
    return { visible: this.#ready.size, inFlight, delayed: this.#sleeping.size - inFlight };
  }

  /** The visible message that came first: what a move task takes next. */
  oldestVisible(): Message | undefined {
    this.#settle(this.#context.now());
    return this.#ready.values().next().value;
  }

  /** Puts `replacement` into another queue, then deletes `message` here: a crash in between makes two of it. */
  async move(message: Message, target: Queue, replacement: Message): Promise<void> {
    this.#forget(message);
    await target.put(replacement);
    await this.#journal.append(['gone', message.key]);
  }

  /** Ends all waits, and lets nobody wait any more. */
  endWaits(): void {
    this.#waitsEnded = true;
    clearTimeout(this.#timer);
    for (const waiter of this.#waiters) waiter.settle([]);
  }

  /** Closes the journal; nothing may be done with the queue afterwards. */
  async close(): Promise<void> {
    this.endWaits();
    await this.#journal.close();
  }

  #take(request: ReceiveRequest): Delivery[] {
    const now = this.#context.now();
    this.#settle(now);
    const visibilityTimeoutMs =
      request.visibilityTimeoutMs ?? this.settings.visibilityTimeoutSeconds * 1000;
    const chosen: Message[] = [];
    for (const message of this.#context.arrange(this.#ready)) {
      if (chosen.length === request.maxMessages) break;
      if (!this.#toDeadLetterQueue(message)) chosen.push(message);
    }
    return chosen.map((message) => this.#deliver(message, now, visibilityTimeoutMs));
  }

  #deliver(message: Message, now: number, visibilityTimeoutMs: number): Delivery {
    const { key } = message;
    const delivery = randomUUID();
    message.firstReceivedMs ??= now;
    message.visibleAtMs = now + visibilityTimeoutMs;
    const received = { ...message, receiveCount: message.receiveCount + 1 };
    this.#leases.set(key, { delivery, sinceMs: now, returned: false });
    this.#place(message);
    return {
      message: received,
      receiptHandle: formatReceiptHandle({ queueName: this.name, key, delivery }),
    };
  }

  #toDeadLetterQueue(message: Message): boolean {
    const { redrive } = this.settings;
    if (redrive === undefined || message.receiveCount < redrive.maxReceiveCount) return false;
    const target = this.#context.find(redrive.deadLetterQueueName);
    if (target === undefined) return false;
    const replacement: Message = {
      ...copyOf(message),
      receiveCount: 0,
      visibleAtMs: this.#context.now(),
      deadLetterSource: this.name,
    };
    delete replacement.firstReceivedMs;
    // Until both journals have it the message is in one of them, and comes back at a restart.
    this.move(message, target, replacement).catch(toleratedLoss);
    return true;
  }

  #parse(receiptHandle: string) {
    const receipt = parseReceiptHandle(receiptHandle);
    if (receipt === undefined || receipt.queueName !== this.name) {
      throw new SqsError(
        'ReceiptHandleIsInvalid',
        `The input receipt handle "${receiptHandle}" is not a valid receipt handle.`,
      );
    }
    return receipt;
  }

  /** Files a message under what its `visibleAtMs` says. */
  #place(message: Message): void {
    this.#ready.delete(message);
    this.#sleeping.delete(message);
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, this.#expiryMs(message));
    if (message.visibleAtMs <= this.#context.now()) {
      this.#ready.add(message);
      this.#countReturn(message);
      return;
    }
    this.#sleeping.add(message);
    if (message.visibleAtMs < this.#nextDueMs) {
      this.#nextDueMs = message.visibleAtMs;
      this.#arm();
    }
  }

  #countReturn(message: Message): void {
    const { key, firstReceivedMs = 0 } = message;
    const lease = this.#leases.get(key);
    if (lease === undefined || lease.returned) return;
    lease.returned = true;
    message.receiveCount += 1;
    const record = ['returned', key, message.receiveCount, firstReceivedMs] as const;
    this.#journal.append(record).catch(toleratedLoss);
  }

  /** Wakes the sleepers that are due and lets go of what is too old. */
  #settle(now: number): void {
    if (now >= this.#nextDueMs) {
      const due: Message[] = [];
      this.#nextDueMs = Number.POSITIVE_INFINITY;
      for (const message of this.#sleeping) {
        if (message.visibleAtMs <= now) due.push(message);
        else this.#nextDueMs = Math.min(this.#nextDueMs, message.visibleAtMs);
      }
      due.sort((one, other) => one.visibleAtMs - other.visibleAtMs);
      for (const message of due) this.#place(message);
    }
    if (now >= this.#nextExpiryMs) {
      this.#nextExpiryMs = Number.POSITIVE_INFINITY;
      for (const message of this.#messages.values()) {
        const expiryMs = this.#expiryMs(message);
        if (expiryMs <= now) this.#drop(message).catch(toleratedLoss);
        else this.#nextExpiryMs = Math.min(this.#nextExpiryMs, expiryMs);
      }
    }
  }

  #expiryMs(message: Message): number {
    return message.sentMs + this.settings.retentionSeconds * 1000;
  }

  async #drop(message: Message): Promise<void> {
    this.#forget(message);
    await this.#journal.append(['gone', message.key]);
  }

  #forget(message: Message): void {
    this.#messages.delete(message.key);
    this.#ready.delete(message);
    this.#sleeping.delete(message);
    this.#leases.delete(message.key);
  }

  /** Serves those who wait once the current turn is over, so that they get a whole batch and not its first entry. */
  #serveSoon(): void {
    if (this.#serving || this.#waiters.size === 0) return;
    this.#serving = true;
    queueMicrotask(() => {
      this.#serving = false;
      this.#serve();
    });
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      const deliveries = this.#take(waiter.request);
      if (deliveries.length === 0) break;
      waiter.settle(deliveries);
    }
    this.#arm();
  }

  /** Sets the clock for the next sleeper while anyone waits. */
  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#waiters.size === 0 || this.#nextDueMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.min(Math.max(1, this.#nextDueMs - this.#context.now()), 60_000);
    this.#timer = setTimeout(() => this.#serve(), delayMs);
  }
}

/**
 * A record that could not be written (no room on the disk) costs at most a receive count or brings a message
 * back after a restart, which at-least-once delivery allows; the journal mends itself with its next rewrite.
 */
function toleratedLoss(): void {}
