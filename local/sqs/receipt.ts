/** What a receipt handle stands for: one delivery of one copy of a message. */
export interface Receipt {
  readonly queueName: string;
  /** `Message.key` */
  readonly key: string;
  /** Counts deliveries, and differs from one start of the server to the next. */
  readonly delivery: string;
}

/** A receipt handle: opaque to callers, as in SQS. */
export function formatReceiptHandle({ queueName, key, delivery }: Receipt): string {
  return Buffer.from(JSON.stringify([queueName, key, delivery])).toString('base64url');
}

/** Undefined for a text that is no receipt handle. */
export function parseReceiptHandle(handle: string): Receipt | undefined {
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
