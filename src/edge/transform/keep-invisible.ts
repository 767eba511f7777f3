/** Signs of life in one term: a few may get lost. */
const signsPerTerm = 4;

/**
 * Keeps a message from others for as long as this process lives, in short terms: when it dies, the shard is taken
 * up again at the end of one, and not after the queue's visibility timeout, which has to be six times the
 * function's. A model that blocks the thread for longer than a term costs a second delivery, which is harmless.
 *
 * @param extend keeps the message for so many seconds from now on
 * @returns stops it
 */
export function keepInvisible(
  extend: (seconds: number) => Promise<void>,
  termSeconds: number,
): () => void {
  void extend(termSeconds);
  const timer = setInterval(() => void extend(termSeconds), (termSeconds * 1000) / signsPerTerm);
  return () => clearInterval(timer);
}
