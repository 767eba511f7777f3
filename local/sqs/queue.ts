import { invalidParameter } from './errors.ts';
import { Journal } from './journal.ts';
import { Leases } from './leases.ts';
import { type Message, movedTo } from './message.ts';
import type { QueueSettings } from './settings.ts';
import { Shelf } from './shelf.ts';
import { WaitingLine } from './waiting-line.ts';

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

/** SQS: no receiver holds a message for longer than twelve hours. */
const longestVisibilityMs = 43_200_000;

/** A standard queue: at least once, in no promised order. */
export class Queue {
  readonly name: string;
  readonly #context: QueueContext;
  readonly #shelf: Shelf;
  readonly #journal: Journal;
  readonly #leases: Leases;
  readonly #waiting: WaitingLine<ReceiveRequest, readonly Delivery[]>;
  #settings: QueueSettings;

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
    const shelf = new Shelf(settings.retentionSeconds * 1000);
    const journal = await Journal.open(journalPath, shelf.messages);
    return new Queue(name, settings, shelf, journal, context);
  }

  private constructor(
    name: string,
    settings: QueueSettings,
    shelf: Shelf,
    journal: Journal,
    context: QueueContext,
  ) {
    this.name = name;
    this.#leases = new Leases(name);
    this.#settings = settings;
    this.#shelf = shelf;
    this.#journal = journal;
    this.#context = context;
    this.#waiting = new WaitingLine(
      (request) => this.#take(request),
      () => shelf.nextDueMs - context.now(),
    );
    for (const message of [...shelf.messages.values()]) {
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
    this.#shelf.setRetention(settings.retentionSeconds * 1000);
    this.#waiting.serveSoon();
  }

  /** Takes a message in. Resolves when it would survive a restart. */
  async put(message: Message): Promise<void> {
    this.#place(message);
    this.#waiting.serveSoon();
    await this.#journal.append(['put', message]);
  }

  /** Hands out messages, or waits for the first one; empty when the wait was in vain. */
  async receive(request: ReceiveRequest): Promise<readonly Delivery[]> {
    const waitMs = request.waitMs ?? this.#settings.receiveWaitSeconds * 1000;
    if (request.signal?.aborted === true) return [];
    return this.#take(request) ?? (await this.#waiting.wait(request, waitMs, request.signal)) ?? [];
  }

  /**
   * Deletes the message of a receipt handle. One that a later delivery has replaced deletes nothing, and no
   * error says so (SQS API reference: DeleteMessage).
   * @throws SqsError ReceiptHandleIsInvalid
   */
  async delete(receiptHandle: string): Promise<void> {
    const receipt = this.#leases.parse(receiptHandle);
    const message = this.#shelf.messages.get(receipt.key);
    if (message !== undefined && !this.#leases.isReplaced(receipt)) await this.#drop(message);
  }

  /**
   * Hides the message of a receipt handle for that long from now; 0 gives it back.
   * @throws SqsError ReceiptHandleIsInvalid, or InvalidParameterValue when the message is not in flight
   */
  changeVisibility(receiptHandle: string, visibilityTimeoutMs: number): void {
    const { key } = this.#leases.parse(receiptHandle);
    const now = this.#settle();
    const message = this.#shelf.messages.get(key);
    const sinceMs = this.#leases.sinceMs(key);
    if (message === undefined || sinceMs === undefined || !this.#shelf.sleeping.has(message)) {
      throw invalidParameter(
        'ReceiptHandle',
        receiptHandle,
        'Message does not exist or is not available for visibility timeout change.',
      );
    }
    if (now - sinceMs + visibilityTimeoutMs > longestVisibilityMs) {
      throw invalidParameter(
        'VisibilityTimeout',
        visibilityTimeoutMs / 1000,
        'Total VisibilityTimeout for the message is beyond the limit [43200 seconds].',
      );
    }
    message.visibleAtMs = now + visibilityTimeoutMs;
    this.#place(message);
    this.#waiting.serveSoon();
  }

  /** Deletes every message, in flight or not. */
  async purge(): Promise<void> {
    this.#shelf.clear();
    this.#leases.clear();
    await this.#journal.append(['purged']);
  }

  depth(): QueueDepth {
    this.#settle();
    const { ready, sleeping } = this.#shelf;
    const inFlight = [...sleeping].filter(
      ({ key }) => this.#leases.sinceMs(key) !== undefined,
    ).length;
    return { visible: ready.size, inFlight, delayed: sleeping.size - inFlight };
  }

  /** The visible message that came first: what a move task takes next. */
  oldestVisible(): Message | undefined {
    this.#settle();
    return this.#shelf.ready.values().next().value;
  }

  /** Puts `replacement` into another queue, then deletes `message` here: a crash in between makes two of it. */
  async move(message: Message, target: Queue, replacement: Message): Promise<void> {
    this.#forget(message);
    await target.put(replacement);
    await this.#journal.append(['gone', message.key]);
  }

  /** Ends all waits, and lets nobody wait any more. */
  endWaits(): void {
    this.#waiting.close();
  }

  /** Closes the journal; nothing may be done with the queue afterwards. */
  async close(): Promise<void> {
    this.#waiting.close();
    await this.#journal.close();
  }

  /** Undefined when there is nothing. */
  #take(request: ReceiveRequest): readonly Delivery[] | undefined {
    const now = this.#settle();
    const visibilityTimeoutMs =
      request.visibilityTimeoutMs ?? this.#settings.visibilityTimeoutSeconds * 1000;
    const chosen: Message[] = [];
    for (const message of this.#context.arrange(this.#shelf.ready)) {
      if (chosen.length === request.maxMessages) break;
      if (!this.#toDeadLetterQueue(message)) chosen.push(message);
    }
    if (chosen.length === 0) return undefined;
    return chosen.map((message) => this.#deliver(message, now, visibilityTimeoutMs));
  }

  #deliver(message: Message, now: number, visibilityTimeoutMs: number): Delivery {
    message.firstReceivedMs ??= now;
    message.visibleAtMs = now + visibilityTimeoutMs;
    const received = { ...message, receiveCount: message.receiveCount + 1 };
    const receiptHandle = this.#leases.begin(message.key, now);
    this.#place(message);
    return { message: received, receiptHandle };
  }

  #toDeadLetterQueue(message: Message): boolean {
    const { redrive } = this.#settings;
    if (redrive === undefined || message.receiveCount < redrive.maxReceiveCount) return false;
    const target = this.#context.find(redrive.deadLetterQueueName);
    if (target === undefined) return false;
    // Until both journals have it the message is in one of them, and comes back at a restart.
    const replacement = movedTo(message, this.name, this.#context.now());
    this.move(message, target, replacement).catch(toleratedLoss);
    return true;
  }

  /** Wakes the sleepers that are due and lets go of what is too old. Gives the time. */
  #settle(): number {
    const now = this.#context.now();
    for (const message of this.#shelf.wake(now)) this.#countReturn(message);
    for (const message of this.#shelf.expired(now)) this.#drop(message).catch(toleratedLoss);
    return now;
  }

  /** Files a message under what its `visibleAtMs` says. */
  #place(message: Message): void {
    if (this.#shelf.place(message, this.#context.now())) this.#countReturn(message);
  }

  #countReturn(message: Message): void {
    const { key, firstReceivedMs = 0 } = message;
    if (!this.#leases.endedInVain(key)) return;
    message.receiveCount += 1;
    const record = ['returned', key, message.receiveCount, firstReceivedMs] as const;
    this.#journal.append(record).catch(toleratedLoss);
  }

  async #drop(message: Message): Promise<void> {
    this.#forget(message);
    await this.#journal.append(['gone', message.key]);
  }

  #forget(message: Message): void {
    this.#shelf.remove(message);
    this.#leases.forget(message.key);
  }
}

/**
 * A record that could not be written (no room on the disk) costs at most a receive count or brings a message
 * back after a restart, which at-least-once delivery allows; the journal mends itself with its next rewrite.
 */
function toleratedLoss(): void {}
