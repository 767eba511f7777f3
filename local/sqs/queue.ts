import { invalidParameter } from './errors.ts';
import { type Message, movedTo } from './message.ts';
import { type Delivery, MessageStore, type QueueDepth, toleratedLoss } from './message-store.ts';
import type { QueueSettings } from './settings.ts';
import { WaitingLine } from './waiting-line.ts';

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
  /** Told in a sentence what was lost from a damaged journal. */
  readonly onDamage: (sentence: string) => void;
}

/** SQS: no receiver holds a message for longer than twelve hours. */
const longestVisibilityMs = 43_200_000;

/** A standard queue: at least once, in no promised order. */
export class Queue {
  readonly name: string;
  readonly #context: QueueContext;
  readonly #messages: MessageStore;
  readonly #waiting: WaitingLine<ReceiveRequest, readonly Delivery[]>;
  #settings: QueueSettings;

  /** Opens a queue with the messages of its journal. */
  static async open(
    name: string,
    settings: QueueSettings,
    journalPath: string,
    context: QueueContext,
  ): Promise<Queue> {
    const { now, onDamage } = context;
    const retentionMs = settings.retentionSeconds * 1000;
    const messages = await MessageStore.open(name, { retentionMs, journalPath, now, onDamage });
    return new Queue(name, settings, messages, context);
  }

  private constructor(
    name: string,
    settings: QueueSettings,
    messages: MessageStore,
    context: QueueContext,
  ) {
    this.name = name;
    this.#settings = settings;
    this.#messages = messages;
    this.#context = context;
    this.#waiting = new WaitingLine(
      (request) => this.#take(request),
      () => messages.nextDueMs - context.now(),
    );
  }

  get settings(): QueueSettings {
    return this.#settings;
  }

  /** New settings hold for messages that are there already, but for delays and timeouts that run. */
  configure(settings: QueueSettings): void {
    this.#settings = settings;
    this.#messages.setRetention(settings.retentionSeconds * 1000);
    this.#waiting.serveSoon();
  }

  /** Takes a message in. Resolves when it would survive a restart. */
  async put(message: Message): Promise<void> {
    const written = this.#messages.put(message);
    this.#waiting.serveSoon();
    await written;
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
    const message = this.#messages.received(this.#messages.parseReceipt(receiptHandle));
    if (message !== undefined) await this.#messages.drop(message);
  }

  /**
   * Hides the message of a receipt handle for that long from now; 0 gives it back.
   * @throws SqsError ReceiptHandleIsInvalid, or InvalidParameterValue when the message is not in flight
   */
  changeVisibility(receiptHandle: string, visibilityTimeoutMs: number): void {
    const { key } = this.#messages.parseReceipt(receiptHandle);
    const now = this.#messages.settle();
    const held = this.#messages.inFlight(key);
    if (held === undefined) {
      throw invalidParameter(
        'ReceiptHandle',
        receiptHandle,
        'Message does not exist or is not available for visibility timeout change.',
      );
    }
    if (now - held.sinceMs + visibilityTimeoutMs > longestVisibilityMs) {
      throw invalidParameter(
        'VisibilityTimeout',
        visibilityTimeoutMs / 1000,
        'Total VisibilityTimeout for the message is beyond the limit [43200 seconds].',
      );
    }
    held.message.visibleAtMs = now + visibilityTimeoutMs;
    this.#messages.file(held.message);
    this.#waiting.serveSoon();
  }

  /** Deletes every message, in flight or not. */
  async purge(): Promise<void> {
    await this.#messages.purge();
  }

  depth(): QueueDepth {
    return this.#messages.depth();
  }

  /** The visible message that came first: what a move task takes next. */
  oldestVisible(): Message | undefined {
    this.#messages.settle();
    return this.#messages.ready.values().next().value;
  }

  /** Puts `replacement` into another queue, then deletes `message` here: a crash in between makes two of it. */
  async move(message: Message, target: Queue, replacement: Message): Promise<void> {
    this.#messages.forget(message);
    await target.put(replacement);
    await this.#messages.noteGone(message);
  }

  /** Ends all waits, and lets nobody wait any more. */
  endWaits(): void {
    this.#waiting.close();
  }

  /** Closes the journal; nothing may be done with the queue afterwards. */
  async close(): Promise<void> {
    this.#waiting.close();
    await this.#messages.close();
  }

  /** Undefined when there is nothing. */
  #take(request: ReceiveRequest): readonly Delivery[] | undefined {
    const now = this.#messages.settle();
    const visibilityTimeoutMs =
      request.visibilityTimeoutMs ?? this.#settings.visibilityTimeoutSeconds * 1000;
    const chosen: Message[] = [];
    for (const message of this.#context.arrange(this.#messages.ready)) {
      if (chosen.length === request.maxMessages) break;
      if (!this.#toDeadLetterQueue(message)) chosen.push(message);
    }
    if (chosen.length === 0) return undefined;
    return chosen.map((message) => this.#messages.deliver(message, now, visibilityTimeoutMs));
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
}
