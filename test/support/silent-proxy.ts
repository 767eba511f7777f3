import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that can fall silent: it takes connections and bytes then, and gives nothing back. */
export interface SilentProxy {
  readonly url: string;
  /** From now on nothing comes back, on new connections nor on old ones. */
  fallSilent(): void;
  /** New connections are answered again; those that fell silent stay so. */
  speak(): void;
  close(): Promise<void>;
}

export async function startSilentProxy(target: string): Promise<SilentProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const silenced = new WeakSet<Socket>();
  let silent = false;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
    }
    if (silent) silenced.add(client);
    client.on('data', (bytes) => upstream.write(bytes));
    client.on('close', () => upstream.destroy());
    upstream.on('data', (bytes) => {
      if (!silenced.has(client)) client.write(bytes);
    });
    upstream.on('close', () => {
      if (!silenced.has(client)) client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    url: `http://127.0.0.1:${address.port}`,
    fallSilent: () => {
      silent = true;
      for (const socket of sockets) silenced.add(socket);
    },
    speak: () => {
      silent = false;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
