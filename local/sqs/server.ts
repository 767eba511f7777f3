import { createServer } from 'node:http';
import { DiskWatch } from '../disk-trouble.ts';
import { close, listen } from '../listen.ts';
import { laptopAccountId } from '../template/names.ts';
import { Broker } from './broker.ts';
import { FaultInjector, type SqsFault, type SqsFaultPlan } from './faults.ts';
import { Fields } from './fields.ts';
import { parseOutgoing, send } from './message-operations.ts';
import type { QueueDepth } from './message-store.ts';
import { MoveTasks } from './move-tasks.ts';
import type { Service } from './service.ts';
import {
  defaultSettings,
  type QueueSettings,
  type Redrive,
  type RedriveAllow,
} from './settings.ts';
import { serve } from './wire.ts';

/** A queue to be there once the server is; what is left out has SQS's default. */
export interface QueueOptions {
  /** 1 to 80 letters, digits, hyphens and underscores. */
  readonly name: string;
  /** @default 30 */
  readonly visibilityTimeoutSeconds?: number | undefined;
  /** @default 0 */
  readonly delaySeconds?: number | undefined;
  /** @default 345600, four days */
  readonly retentionSeconds?: number | undefined;
  /** @default 0, short polls */
  readonly receiveWaitSeconds?: number | undefined;
  /** @default 262144 */
  readonly maximumMessageSizeBytes?: number | undefined;
  /** @default none: a message is received until it is deleted or too old */
  readonly redrive?: Redrive | undefined;
  /** @default every queue may name this one as its dead-letter queue */
  readonly redriveAllow?: RedriveAllow | undefined;
}

export interface SqsOptions {
  /** 0 for one that the system chooses. */
  readonly port: number;
  /** Where messages and queues are kept; one server at a time. */
  readonly dataDir: string;
  /** @default none, beyond those that clients created */
  readonly queues?: readonly QueueOptions[];
  /** Faults to inject from the start. @default none */
  readonly faults?: SqsFaultPlan;
  /** Told of what is not the caller's fault, such as a disk that is full, or what was lost from a damaged journal. @default nobody */
  readonly onProblem?: (message: string, error?: unknown) => void;
  /** Milliseconds since the epoch. @default the system's clock */
  readonly now?: () => number;
}

/** A running SQS server, on 127.0.0.1. */
export interface SqsServer {
  /** The endpoint: `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  /** `http://127.0.0.1:PORT/000000000000/NAME`, whether or not the queue exists. */
  queueUrl(name: string): string;
  /** Sends a message without the wire; gives its id. @throws SqsError */
  send(name: string, body: string): Promise<string>;
  /** How many messages a queue holds. @throws SqsError QueueDoesNotExist */
  depth(name: string): QueueDepth;
  /** How often each fault was injected. */
  readonly faultCounts: Readonly<Partial<Record<SqsFault, number>>>;
  /** Switches faults on, over and, with undefined, off; over the wire: faults/route.ts. @throws FaultPlanError */
  setFaults(plan: SqsFaultPlan | undefined): void;
  /** Ends long polls with nothing, answers what is under way, keeps the messages for the next start. */
  close(): Promise<void>;
}

/** How long a close waits for calls under way. */
const closeGraceMs = 1000;

/**
 * Starts an SQS server that speaks the JSON protocol of the AWS SDKs.
 * @throws ListenError when the port is taken; SqsError for a redrive to a queue that is not there
 */
export async function startSqs(options: SqsOptions): Promise<SqsServer> {
  const { now = Date.now, onProblem = () => undefined } = options;
  const faults = new FaultInjector();
  faults.setPlan(options.faults);
  const broker = await Broker.open(options.dataDir, {
    now,
    arrange: (oldestFirst) => faults.arrange(oldestFirst),
    onDamage: (sentence) => onProblem(sentence),
  });
  const moveTasks = new MoveTasks(broker, now);
  const http = createServer((request, response) => void serve(service, request, response));
  http.keepAliveTimeout = 60_000; // above a client's, so that it is the client who hangs up
  let port: number;
  try {
    await defineQueues(broker, options.queues ?? []);
    port = await listen(http, options.port);
  } catch (error) {
    await broker.close();
    throw error;
  }
  const url = `http://127.0.0.1:${port}`;
  const queueUrl = (name: string) => `${url}/${laptopAccountId}/${name}`;
  const disk = new DiskWatch(options.dataDir, (sentence) => onProblem(sentence));
  const service: Service = { broker, moveTasks, faults, now, queueUrl, disk, onProblem };

  return {
    url,
    port,
    queueUrl,
    async send(name, body) {
      const { queue } = broker.get(name);
      const outgoing = parseOutgoing(queue, new Fields({ MessageBody: body }, 'message'));
      return (await send(service, queue, outgoing)).MessageId;
    },
    depth: (name) => broker.get(name).queue.depth(),
    get faultCounts() {
      return faults.counts;
    },
    setFaults: (plan) => faults.setPlan(plan),
    async close() {
      moveTasks.close();
      broker.endWaits();
      await close(http, closeGraceMs);
      await broker.close();
    },
  };
}

/** In two passes, because a queue may name one further down as its dead-letter queue. */
async function defineQueues(broker: Broker, queues: readonly QueueOptions[]): Promise<void> {
  for (const queue of queues) {
    await broker.define(queue.name, { ...settingsOf(queue), redrive: undefined });
  }
  for (const queue of queues) await broker.define(queue.name, settingsOf(queue));
}

function settingsOf(queue: QueueOptions): QueueSettings {
  const { visibilityTimeoutSeconds, delaySeconds, retentionSeconds } = defaultSettings;
  const { receiveWaitSeconds, maximumMessageSizeBytes } = defaultSettings;
  return {
    visibilityTimeoutSeconds: queue.visibilityTimeoutSeconds ?? visibilityTimeoutSeconds,
    delaySeconds: queue.delaySeconds ?? delaySeconds,
    retentionSeconds: queue.retentionSeconds ?? retentionSeconds,
    receiveWaitSeconds: queue.receiveWaitSeconds ?? receiveWaitSeconds,
    maximumMessageSizeBytes: queue.maximumMessageSizeBytes ?? maximumMessageSizeBytes,
    redrive: queue.redrive,
    redriveAllow: queue.redriveAllow,
    inert: {},
  };
}
