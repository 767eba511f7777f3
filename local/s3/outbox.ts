import type { S3NotificationOptions } from './events.ts';
import type { FaultInjector } from './faults.ts';
import type { OutboxMessage } from './model.ts';

/** Deliveries under way at a time. */
const concurrency = 16;

const firstRetryMs = 50;
const lastRetryMs = 5000;

/** How long a close waits for deliveries that are under way. */
const closeGraceMs = 2000;

export interface OutboxOptions {
  readonly notifications: readonly S3NotificationOptions[];
  readonly faults: FaultInjector;
  /** Called when a message has arrived: it need not be kept any more. */
  readonly onDelivered: (id: string) => void;
  /** Told of a delivery that failed and will be tried again. */
  readonly onFailure: (notificationId: string, error: unknown) => void;
}

/** One delivery to make. */
interface Delivery {
  readonly message: OutboxMessage;
  /** How long to wait when it fails. */
  readonly retryMs: number;
}

/**
 * Delivers messages at least once: each is tried, at growing intervals, until its queue takes it. What is not
 * delivered when the server ends is in the journal, and comes back at the next start.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #notifications: ReadonlyMap<string, S3NotificationOptions>;
  readonly #ready: Delivery[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #underWay = new Set<Promise<void>>();
  /** `closing`: nothing begins any more; `closed`: what still ends has nobody to tell. */
  #state: 'open' | 'closing' | 'closed' = 'open';

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#notifications = new Map(options.notifications.map((each) => [each.id, each]));
  }

  /** Takes messages over. Those of a notification that is not configured any more are dropped. */
  add(messages: readonly OutboxMessage[]): void {
    for (const message of messages) {
      const { id, notificationId, subject } = message;
      if (!this.#notifications.has(notificationId)) {
        this.#options.onDelivered(id);
        continue;
      }
      for (const delayMs of this.#options.faults.deliveriesOf(notificationId, subject)) {
        this.#schedule({ message, retryMs: firstRetryMs }, delayMs);
      }
    }
  }

  /** Stops; deliveries under way get a moment to end. */
  async close(): Promise<void> {
    this.#state = 'closing';
    for (const timer of this.#timers) clearTimeout(timer);
    const patience = Promise.withResolvers<void>();
    const timer = setTimeout(patience.resolve, closeGraceMs);
    await Promise.race([Promise.all(this.#underWay), patience.promise]);
    clearTimeout(timer);
    this.#state = 'closed';
  }

  #schedule(delivery: Delivery, delayMs: number): void {
    if (this.#state !== 'open') return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#ready.push(delivery);
      this.#work();
    }, delayMs);
    this.#timers.add(timer);
  }

  #work(): void {
    while (this.#state === 'open' && this.#underWay.size < concurrency) {
      const next = this.#ready.shift();
      if (next === undefined) return;
      const delivery = this.#deliver(next).finally(() => {
        this.#underWay.delete(delivery);
        this.#work();
      });
      this.#underWay.add(delivery);
    }
  }

  async #deliver({ message, retryMs }: Delivery): Promise<void> {
    try {
      await this.#notifications.get(message.notificationId)?.deliver(message.message);
    } catch (error) {
      this.#options.onFailure(message.notificationId, error);
      this.#schedule({ message, retryMs: Math.min(retryMs * 2, lastRetryMs) }, retryMs);
      return;
    }
    if (this.#state !== 'closed') this.#options.onDelivered(message.id);
  }
}
