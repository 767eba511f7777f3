import { seededUnit } from './random.ts';

/** What can go wrong with a request, on the wire. */
export type S3RequestFault =
  /** 500 InternalError; nothing was done. */
  | 'internalError'
  /** 503 SlowDown; nothing was done. */
  | 'slowDown'
  /** The connection is reset before the request is looked at. */
  | 'resetBeforeAnswer'
  /** The connection is reset in the middle of the answer's body. GET only. */
  | 'resetMidBody'
  /** The answer's body trickles. GET only. */
  | 'slowBody'
  /** The request is carried out and the connection reset instead of an answer. Not for GET and HEAD. */
  | 'lostResponse';

/** What can go wrong with a notification. Delays also change the order. */
export type S3NotificationFault = 'duplicateNotification' | 'delayNotification';

export type S3Fault = S3RequestFault | S3NotificationFault;

/** What a decision can depend on: nothing that differs between two runs of the same program. */
export interface FaultSubject {
  readonly method: string;
  /** Name of the API operation, `PutObject` and so on. */
  readonly operation: string;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  /** What tells apart requests of one operation to one key: part number, range, continuation. */
  readonly discriminator: string;
  /** How many requests like this one came before, since the plan was set: 0 for a first try. */
  readonly attempt: number;
}

export type S3FaultPlan = {
  /** How long each 256 KiB of a slow body take. @default 200 */
  readonly slowBodyMs?: number;
  /** How late a delayed notification is, at most. @default 500 */
  readonly notificationDelayMs?: number;
} & (
  | {
      /** The same seed and requests make the same faults, whatever their order. */
      readonly seed: number;
      /** Probability of each fault, 0 to 1, for the requests that it can happen to. Their sum is at most 1. */
      readonly rates: Readonly<Partial<Record<S3Fault, number>>>;
    }
  | {
      /** Decides for every request; a fault that cannot happen to it does not. */
      readonly decide: (request: FaultSubject) => S3RequestFault | undefined;
    }
);

const notifications = ['duplicateNotification', 'delayNotification'] as const;

/** Decides which requests and notifications go wrong, and counts. Off until a plan is set. */
export class FaultInjector {
  #plan: S3FaultPlan | undefined;
  readonly #attempts = new Map<string, number>();
  readonly #counts = new Map<S3Fault, number>();

  constructor(plan: S3FaultPlan | undefined) {
    this.#plan = plan;
  }

  /** Replaces the plan; undefined ends the faults. Counts go on; attempts begin anew. */
  setPlan(plan: S3FaultPlan | undefined): void {
    this.#plan = plan;
    this.#attempts.clear();
  }

  /** How often each fault was injected. */
  get counts(): Readonly<Partial<Record<S3Fault, number>>> {
    return Object.fromEntries(this.#counts);
  }

  get slowBodyMs(): number {
    return this.#plan?.slowBodyMs ?? 200;
  }

  /** The fault of a request. */
  forRequest(request: Omit<FaultSubject, 'attempt'>): S3RequestFault | undefined {
    const plan = this.#plan;
    if (plan === undefined) return undefined;
    const { method, operation, bucket, key, discriminator } = request;
    const identity = [method, operation, bucket, key, discriminator].join('\n');
    const attempt = this.#nextAttempt(identity);
    const possible = possibleFaults(method);
    const fault =
      'decide' in plan
        ? plan.decide({ ...request, attempt })
        : pick(plan.rates, possible, () => seededUnit(plan.seed, `${identity}\n${attempt}`));
    if (fault === undefined || !possible.includes(fault)) return undefined;
    this.#count(fault);
    return fault;
  }

  /** How late each delivery of a notification is, in milliseconds: one entry, or two for a duplicate. */
  deliveriesOf(notificationId: string, eventKey: string): readonly number[] {
    const plan = this.#plan;
    if (plan === undefined || 'decide' in plan) return [0];
    const identity = ['notification', notificationId, eventKey].join('\n');
    const attempt = this.#nextAttempt(identity);
    const unit = (what: string): number =>
      seededUnit(plan.seed, `${identity}\n${attempt}\n${what}`);
    const fault = pick(plan.rates, notifications, () => unit('fault'));
    if (fault === undefined) return [0];
    this.#count(fault);
    const delayMs = Math.ceil(unit('delay') * (plan.notificationDelayMs ?? 500));
    return fault === 'delayNotification' ? [delayMs] : [0, delayMs];
  }

  #nextAttempt(identity: string): number {
    const attempt = this.#attempts.get(identity) ?? 0;
    this.#attempts.set(identity, attempt + 1);
    return attempt;
  }

  #count(fault: S3Fault): void {
    this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + 1);
  }
}

function possibleFaults(method: string): readonly S3RequestFault[] {
  const always = ['internalError', 'slowDown', 'resetBeforeAnswer'] as const;
  if (method === 'HEAD') return always;
  return method === 'GET' ? [...always, 'resetMidBody', 'slowBody'] : [...always, 'lostResponse'];
}

function pick<F extends S3Fault>(
  rates: Readonly<Partial<Record<S3Fault, number>>>,
  candidates: readonly F[],
  unit: () => number,
): F | undefined {
  let rest = unit();
  for (const fault of candidates) {
    rest -= rates[fault] ?? 0;
    if (rest < 0) return fault;
  }
  return undefined;
}
