import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { type S3Server, type S3ServerOptions, startS3 } from '../../local/s3/server.ts';
import { clientFor } from './s3-endpoint.ts';

/** A server of our own over a folder that outlives it. */
export interface TestS3 {
  /** Of the running server: changes with a restart. */
  readonly server: S3Server;
  readonly client: S3Client;
  readonly dataDir: string;
  /** Problems that the server told of. */
  readonly problems: readonly string[];
  /** Ends the server and starts another over the same folder. */
  restart(options?: Partial<S3ServerOptions>): Promise<void>;
  /** Names of the files that hold bytes of objects. */
  blobs(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function startTestS3(options: Partial<S3ServerOptions> = {}): Promise<TestS3> {
  const dataDir = await mkdtemp(join(tmpdir(), 's3-test-'));
  const problems: string[] = [];
  const onProblem = (message: string): number => problems.push(message);
  const start = (more: Partial<S3ServerOptions>) => startS3({ dataDir, onProblem, ...more });
  let server = await start(options);
  let client = clientFor(server.url);
  return {
    get server() {
      return server;
    },
    get client() {
      return client;
    },
    dataDir,
    problems,
    restart: async (more = options) => {
      await server.close();
      client.destroy();
      server = await start(more);
      client = clientFor(server.url);
    },
    blobs: () => filesBelow(join(dataDir, 'blobs')),
    close: async () => {
      client.destroy();
      await server.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

export async function filesBelow(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

export interface RawReply {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One HTTP request as it is given: the path is not normalised, nothing is signed. */
export function rawRequest(
  url: string,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body: string | Buffer = '',
): Promise<RawReply> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, method, path, headers, agent: false });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          statusCode: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    request.end(body);
  });
}

/** The `<Code>` of an error answer. */
export function codeOf({ body }: RawReply): string | undefined {
  return /<Code>(\w+)<\/Code>/.exec(body)?.[1];
}
