import type { IncomingMessage } from 'node:http';

/**
 * The whole body; undefined when it is over the limit. It is read to its end either way, because a client that
 * is still sending would not hear the answer.
 */
export async function readBody(
  request: IncomingMessage,
  limitBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes <= limitBytes) chunks.push(chunk);
  }
  return bytes <= limitBytes ? Buffer.concat(chunks, bytes) : undefined;
}
