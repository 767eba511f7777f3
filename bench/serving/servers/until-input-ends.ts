/** A server of a benchmark ends with whoever started it: it stops when its input does, however that came about. */
export function untilInputEnds(close: () => Promise<void> | void): void {
  process.stdin.resume().once('end', async () => {
    await close();
    process.exit(0);
  });
}
