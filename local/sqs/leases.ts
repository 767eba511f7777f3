import { randomUUID } from 'node:crypto';
import { SqsError } from './errors.ts';

/** What a receipt handle stands for: one delivery of one copy of a message. */
export interface Receipt {
  /** `Message.key` */
  readonly key: string;
  readonly delivery: string;
}

/** The latest delivery of a message since the server started. */
interface Lease {
  readonly delivery: string;
  readonly sinceMs: number;
  /** The message is visible again: the receive came to nothing and counts. */
  returned: boolean;
}

/** Who was given which message of a queue, and the receipt handles that say so. */
export class Leases {
  readonly #queueName: string;
  readonly #leases = new Map<string, Lease>();

  constructor(queueName: string) {
    this.#queueName = queueName;
  }

  /** Notes a delivery; gives its receipt handle, which is opaque to callers, as in SQS. */
  begin(key: string, now: number): string {
    const delivery = randomUUID();
    this.#leases.set(key, { delivery, sinceMs: now, returned: false });
    return Buffer.from(JSON.stringify([this.#queueName, key, delivery])).toString('base64url');
  }

  /** @throws SqsError ReceiptHandleIsInvalid for a text that is no receipt handle of this queue */
  parse(receiptHandle: string): Receipt {
    const receipt = parseReceiptHandle(receiptHandle);
    if (receipt === undefined || receipt.queueName !== this.#queueName) {
      throw new SqsError(
        'ReceiptHandleIsInvalid',
        `The input receipt handle "${receiptHandle}" is not a valid receipt handle.`,
      );
    }
    return receipt;
  }

  /** Since when its receiver has the message; undefined for one that nobody received since the start. */
  sinceMs(key: string): number | undefined {
    return this.#leases.get(key)?.sinceMs;
  }

  /** Whether the message was delivered again after that receipt. One from before a restart is not replaced. */
  isReplaced({ key, delivery }: Receipt): boolean {
    const lease = this.#leases.get(key);
    return lease !== undefined && lease.delivery !== delivery;
  }

  /** Notes that a message is visible again; gives whether that ends a receive that nobody counted yet. */
  endedInVain(key: string): boolean {
    const lease = this.#leases.get(key);
    if (lease === undefined || lease.returned) return false;
    lease.returned = true;
    return true;
  }

  forget(key: string): void {
    this.#leases.delete(key);
  }

  clear(): void {
    this.#leases.clear();
  }
}

function parseReceiptHandle(
  handle: string,
): (Receipt & { readonly queueName: string }) | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(handle, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const [queueName, key, delivery]: unknown[] = value;
  if (typeof queueName !== 'string' || typeof key !== 'string' || typeof delivery !== 'string') {
    return undefined;
  }
  return { queueName, key, delivery };
}
