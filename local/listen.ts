import type { Server } from 'node:http';

/** A port that cannot be had: the message says which and what to do about it. */
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
