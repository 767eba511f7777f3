import type { Server } from 'node:http';

/** A port that cannot be had: the message says which and why. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * Listens on loopback.
 * @param port 0 for a free one
 * @returns the port
 * @throws ListenError when the port is taken or not allowed
 */
export function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const reason =
        cause.code === 'EADDRINUSE'
          ? 'is in use by another program'
          : `cannot be listened on (${cause.code})`;
      reject(new ListenError(`port ${port} ${reason}`, { cause }));
    });
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

/** Between two looks for connections that have fallen idle. */
const hangUpEveryMs = 10;

/** Stops listening, lets answers under way finish for `graceMs`, then breaks them off. */
export async function close(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  // A client keeps its connection for the next call, which must not hold up the stop.
  const hangUp = setInterval(() => server.closeIdleConnections(), hangUpEveryMs);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(hangUp);
  clearTimeout(cut);
}
