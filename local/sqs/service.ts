import type { DiskWatch } from '../disk-trouble.ts';
import type { Broker, QueueEntry } from './broker.ts';
import { SqsError } from './errors.ts';
import type { FaultInjector } from './faults.ts';
import type { Fields } from './fields.ts';
import type { MoveTasks } from './move-tasks.ts';

/** What the operations work with. */
export interface Service {
  readonly broker: Broker;
  readonly moveTasks: MoveTasks;
  readonly faults: FaultInjector;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly queueUrl: (name: string) => string;
  /** Puts failures of the disk into words. */
  readonly disk: DiskWatch;
  /** Told of failures that are not the caller's. */
  readonly onProblem: (message: string, error: unknown) => void;
}

/**
 * One operation of the SQS API: the members of the request in, the members of the answer out.
 * The signal fires when the caller has gone. @throws SqsError
 */
export type Operation = (
  service: Service,
  request: Fields,
  signal: AbortSignal,
) => object | Promise<object>;

/** The queue that the request's `QueueUrl` names. @throws SqsError QueueDoesNotExist, InvalidAddress */
export function queueOf({ broker }: Service, request: Fields): QueueEntry {
  const url = request.string('QueueUrl');
  const name = queueNameOfUrl(url);
  if (name === undefined) {
    throw new SqsError('InvalidAddress', `The address ${url} is not valid for this endpoint.`);
  }
  return broker.get(name);
}

/**
 * The name in `http://host/account/NAME`. The host is not looked at, so that a queue can be reached under
 * another name or port than the one that the server knows.
 */
function queueNameOfUrl(url: string): string | undefined {
  const path = URL.parse(url)?.pathname ?? '';
  return /^\/\d+\/([A-Za-z0-9_.-]+)\/?$/.exec(path)?.[1];
}
