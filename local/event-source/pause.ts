import { setTimeout as delay } from 'node:timers/promises';

const firstBackoffMs = 100;
const longestBackoffMs = 5000;

/** Waits that long, or until the signal fires: never rejects. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

/** How long to wait before try number `attempt`, from 1: 0.1 s, then twice as long each time, up to 5 s. */
export function backoffMs(attempt: number): number {
  return Math.min(firstBackoffMs * 2 ** (attempt - 1), longestBackoffMs);
}
