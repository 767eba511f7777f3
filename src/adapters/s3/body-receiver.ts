import { GetObjectCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { type Answer, BodyConnection, type GetRequest, type TakeBody } from './body-connection.ts';

const bufferBytes = 256 * 1024;
const connectionTimeoutMs = 2_000;
const idleTimeoutMs = 10_000;

/** A range of an object, pinned by its entity tag. */
export interface ObjectRange {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  /** In a bucket that keeps versions. */
  readonly versionId?: string | undefined;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** What the SDK hands to what sends: types of its own that say no more than `unknown`. */
interface SdkRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Reads ranges of objects straight off the socket. The SDK does everything up to there (endpoint, credentials,
 * signature, its retries until an answer begins); the body goes past it. Connections are used again, and end when they
 * have been idle for ten seconds or the receiver is closed.
 */
export class BodyReceiver {
  readonly #client: S3Client;
  readonly #connections = new Set<BodyConnection>();
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes);

  constructor(client: S3Client) {
    this.#client = client;
  }

  /**
   * Resolves when the whole range has come.
   *
   * @param takeBody hears of each stretch of it, in order; bytes are there during the call alone
   * @throws S3ServiceException for an answer that is none, Error for one that broke, what `takeBody` throws
   */
  async receive(range: ObjectRange, takeBody: TakeBody, signal?: AbortSignal): Promise<void> {
    const command = new GetObjectCommand({
      Bucket: range.bucket,
      Key: range.key,
      VersionId: range.versionId,
      IfMatch: range.etag,
      Range: `bytes=${range.start}-${range.end - 1}`,
    });
    let ended: Promise<void> | undefined;
    command.middlewareStack.add(
      () =>
        async ({ request }) => {
          const answer = await this.#send(request as SdkRequest, takeBody, signal);
          refuseOther(answer);
          ended = answer.ended;
          const { statusCode: httpStatusCode } = answer;
          return { response: answer, output: { $metadata: { httpStatusCode } } };
        },
      { step: 'deserialize', priority: 'high', name: 'receiveBody' },
    );
    await this.#client.send(command, signal === undefined ? {} : { abortSignal: signal });
    await ended;
  }

  /** Ends all connections. */
  close(): void {
    for (const connection of this.#connections) connection.close(new Error('no longer wanted'));
  }

  async #send(
    request: SdkRequest,
    takeBody: TakeBody,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    signal?.throwIfAborted();
    const get: GetRequest = {
      protocol: request.protocol,
      // An IPv6 address stands in brackets.
      hostname: request.hostname.replace(/^\[|\]$/g, ''),
      port: request.port,
      target: `${request.path}${queryOf(request.query)}`,
      headers: request.headers,
    };
    const connection = this.#idleConnection() ?? this.#connect(get);
    return connection.get(get, takeBody);
  }

  #idleConnection(): BodyConnection | undefined {
    for (const connection of this.#connections) {
      if (connection.isReusable) return connection;
    }
    return undefined;
  }

  #connect(request: GetRequest): BodyConnection {
    const options = { buffer: this.#buffer, connectionTimeoutMs, idleTimeoutMs };
    const connection = new BodyConnection(request, options);
    for (const other of this.#connections) if (other.isClosed) this.#connections.delete(other);
    this.#connections.add(connection);
    return connection;
  }
}

function queryOf(query: SdkRequest['query']): string {
  const pairs = Object.entries(query).map(([name, value]) => `${encode(name)}=${encode(value)}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

/** As the signature has it: RFC 3986. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Anything but the range that was asked for: its bytes would go to the wrong place. */
function refuseOther({ statusCode }: Answer): void {
  if (statusCode === 206) return;
  throw new S3ServiceException({
    name: 'UnexpectedAnswer',
    message: `S3 answered ${statusCode} instead of 206`,
    $fault: statusCode >= 500 ? 'server' : 'client',
    $metadata: { httpStatusCode: statusCode },
  });
}
