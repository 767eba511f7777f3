import { ServingError } from '../../errors.ts';
import type { HttpResponse } from './http.ts';

/** What encoding and sending the answer takes, with room for a thread that is busy when the time comes. */
const marginMs = 500;

/**
 * The answer, if it comes before the host ends this process and the caller gets a failure that explains nothing. What
 * was begun goes on beside the calls that follow: the next try finds the model further on its way, or there.
 *
 * A run and the making of a session block the thread: those no deadline can stop.
 *
 * @param remainingMs until the host loses patience; undefined for never
 * @throws ServingError DEADLINE_EXCEEDED
 */
export async function inTime(
  answer: Promise<HttpResponse>,
  remainingMs: number | undefined,
): Promise<HttpResponse> {
  if (remainingMs === undefined) return answer;
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => deadline.reject(deadlineExceeded()),
    Math.max(0, remainingMs - marginMs),
  );
  try {
    return await Promise.race([answer, deadline.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function deadlineExceeded(): ServingError {
  return new ServingError(
    'DEADLINE_EXCEEDED',
    'the answer did not come within the time that a call has; a model that was being loaded goes on loading, so try again',
    { retryable: true },
  );
}
