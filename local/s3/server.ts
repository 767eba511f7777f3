import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { DiskWatch } from '../disk-trouble.ts';
import { faultsPath, serveFaults } from '../faults/route.ts';
import { close as closeServer, listen } from '../listen.ts';
import type { S3Context } from './context.ts';
import { eventMessage, matches, type S3NotificationOptions, testMessage } from './events.ts';
import { FaultInjector, type S3Fault, type S3FaultPlan } from './faults.ts';
import { Outbox } from './outbox.ts';
import { isHangUp } from './reply.ts';
import { bucketOfHost } from './request.ts';
import { respond } from './respond.ts';
import { Store } from './store.ts';

export type { S3NotificationOptions } from './events.ts';
export type { S3Fault, S3FaultPlan, S3RequestFault } from './faults.ts';

export interface S3BucketOptions {
  readonly name: string;
  /** Whether the bucket keeps versions. @default false */
  readonly versioned?: boolean;
}

export interface S3ServerOptions {
  /** @default 0: the system chooses */
  readonly port?: number;
  /** Where everything is kept. Of one server at a time: nothing guards it against two. */
  readonly dataDir: string;
  /** Buckets to create where they are not there yet. @default none */
  readonly buckets?: readonly S3BucketOptions[];
  /** Whom to tell of changes. @default none */
  readonly notifications?: readonly S3NotificationOptions[];
  /** What goes wrong on purpose, from the start. @default nothing */
  readonly faults?: S3FaultPlan;
  /** What the server says of its region. @default 'us-east-1' */
  readonly region?: string;
  /**
   * Told of what the caller of the API is not: errors inside, deliveries that failed, a disk that is full, what was
   * lost from a damaged journal. @default nobody
   */
  readonly onProblem?: (message: string, error?: unknown) => void;
}

export interface S3Server {
  /** `http://127.0.0.1:<port>`: the endpoint for SDKs and CLIs, path-style. */
  readonly url: string;
  readonly port: number;
  /** How often each fault was injected so far. */
  readonly faultCounts: Readonly<Partial<Record<S3Fault, number>>>;
  /** Switches faults on, over and, with undefined, off; over the wire: faults/route.ts. @throws FaultPlanError */
  setFaults(plan: S3FaultPlan | undefined): void;
  /** Ends requests under way after a moment, and keeps undelivered notifications for the next start. */
  close(): Promise<void>;
}

/** How long a close waits for requests under way. */
const closeGraceMs = 1000;

/**
 * Starts an S3 server on 127.0.0.1 that the AWS SDKs and the aws CLI can use as they are. It keeps everything
 * in `dataDir`. Signatures are not verified: any credentials will do, or none.
 * @throws ListenError when the port is taken; FaultPlanError
 */
export async function startS3(options: S3ServerOptions): Promise<S3Server> {
  const { port = 0, dataDir, buckets = [], notifications = [], region = 'us-east-1' } = options;
  const onProblem = options.onProblem ?? (() => undefined);
  const faults = new FaultInjector(options.faults);
  const http = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 });
  const context = Promise.withResolvers<S3Context>();
  const disk = new DiskWatch(dataDir, (sentence) => onProblem(sentence));
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      if (isForFaults(request)) await serveFaults(faults, request, response);
      else await respond(request, response, await context.promise, faults, onProblem);
    } catch (error) {
      response.destroy();
      if (!isHangUp(error)) onProblem('an S3 request broke', error);
    }
  };
  http.on('request', answer);
  // A body that the client holds back is asked for only once the request is known to be good.
  http.on('checkContinue', answer);
  // First the port, so that a second server over the same folder fails before it touches it.
  const boundPort = await listen(http, port);
  const markDelivered = (id: string): void => {
    try {
      store?.markDelivered(id);
    } catch (error) {
      // It comes again after the next start, which at-least-once delivery allows.
      if (disk.explain(error) === undefined) throw error;
    }
  };
  const outbox = new Outbox({
    notifications,
    faults,
    onDelivered: markDelivered,
    onFailure: (id, error) => {
      const message = `notification ${id} was not delivered and is kept`;
      if (disk.explain(error) === undefined) onProblem(message, error);
    },
  });
  let store: Store | undefined;
  try {
    store = await Store.open({
      dataDir,
      messagesFor: (event) =>
        notifications
          .filter((each) => matches(each, event))
          .map((each) => eventMessage(each, event, region)),
      onProblem,
      onMessages: (messages) => outbox.add(messages),
    });
    outbox.add(store.outbox);
    prepare(store, buckets, notifications);
  } catch (error) {
    http.closeAllConnections();
    http.close();
    await outbox.close();
    store?.close();
    throw error;
  }
  context.resolve({ store, region, disk });
  const close = async (): Promise<void> => {
    await closeServer(http, closeGraceMs);
    await outbox.close();
    store?.close();
  };
  let closed: Promise<void> | undefined;
  return {
    url: `http://127.0.0.1:${boundPort}`,
    port: boundPort,
    get faultCounts() {
      return faults.counts;
    },
    setFaults: (plan) => faults.setPlan(plan),
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

/** Makes what the options name and is not there yet. */
function prepare(
  store: Store,
  buckets: readonly S3BucketOptions[],
  notifications: readonly S3NotificationOptions[],
): void {
  for (const { name, versioned = false } of buckets) {
    if (!store.hasBucket(name)) store.createBucket(name);
    if (versioned) store.setVersioning(name, 'Enabled');
  }
  for (const each of notifications) store.armNotification(each.id, () => testMessage(each));
}

/** The path is no bucket's, for the underscore; but where the host names one, it is a key like any other. */
function isForFaults({ url, headers }: IncomingMessage): boolean {
  return url === faultsPath && bucketOfHost(headers.host ?? '') === undefined;
}
