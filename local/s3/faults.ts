import * as v from 'valibot';
import {
  FaultCounter,
  optionalMilliseconds,
  parsePlan,
  pickFault,
  seededPlanEntries,
} from '../faults/plan.ts';
import { seededUnit } from '../faults/random.ts';

/** What can go wrong with a request, on the wire. */
const requestFaults = [
  /** 500 InternalError; nothing was done. */
  'internalError',
  /** 503 SlowDown; nothing was done. */
  'slowDown',
  /** The connection is reset before the request is looked at. */
  'resetBeforeAnswer',
  /** The connection is reset in the middle of the answer's body. GET only. */
  'resetMidBody',
  /** The answer's body trickles. GET only. */
  'slowBody',
  /** The request is carried out and the connection reset instead of an answer. Not for GET and HEAD. */
  'lostResponse',
] as const;

/** What can go wrong with a notification. Delays also change the order. */
const notificationFaults = ['duplicateNotification', 'delayNotification'] as const;

export type S3RequestFault = (typeof requestFaults)[number];
export type S3Fault = S3RequestFault | (typeof notificationFaults)[number];

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

const timing = {
  /** How long each 256 KiB of a slow body take. */
  slowBodyMs: optionalMilliseconds(200),
  /** How late a delayed notification is, at most. */
  notificationDelayMs: optionalMilliseconds(500),
};

/** The same seed and requests make the same faults, whatever their order. The sum of the rates is at most 1. */
const seededPlanSchema = v.strictObject({
  ...seededPlanEntries([...requestFaults, ...notificationFaults]),
  ...timing,
});

const decidedPlanSchema = v.strictObject({
  /** Decides for every request; a fault that cannot happen to it does not. */
  decide: v.custom<(request: FaultSubject) => S3RequestFault | undefined>(
    (value) => typeof value === 'function',
  ),
  ...timing,
});

export type S3FaultPlan =
  | v.InferInput<typeof seededPlanSchema>
  | v.InferInput<typeof decidedPlanSchema>;

type Plan = v.InferOutput<typeof seededPlanSchema> | v.InferOutput<typeof decidedPlanSchema>;

/** Decides which requests and notifications go wrong, and counts. Off until a plan is set. */
export class FaultInjector {
  #plan: Plan | undefined;
  readonly #attempts = new Map<string, number>();
  readonly #counter = new FaultCounter<S3Fault>();

  /** @throws FaultPlanError */
  constructor(plan: S3FaultPlan | undefined) {
    this.setPlan(plan);
  }

  /** Undefined while the faults are off. */
  get plan(): Plan | undefined {
    return this.#plan;
  }

  /** How often each fault was injected. */
  get counts(): Readonly<Partial<Record<S3Fault, number>>> {
    return this.#counter.counts;
  }

  /**
   * Replaces the plan; undefined or null ends the faults. Counts go on; attempts begin anew.
   * @param plan an `S3FaultPlan`, or JSON from outside
   * @throws FaultPlanError
   */
  setPlan(plan: unknown): void {
    const isDecided = typeof plan === 'object' && plan !== null && 'decide' in plan;
    this.#plan = parsePlan<typeof seededPlanSchema | typeof decidedPlanSchema>(
      isDecided ? decidedPlanSchema : seededPlanSchema,
      plan,
    );
    this.#attempts.clear();
  }

  get slowBodyMs(): number {
    return this.#plan?.slowBodyMs ?? 0;
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
        : pickFault(plan.rates, possible, seededUnit(plan.seed, `${identity}\n${attempt}`));
    if (fault === undefined || !possible.includes(fault)) return undefined;
    this.#counter.count(fault);
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
    const fault = pickFault(plan.rates, notificationFaults, unit('fault'));
    if (fault === undefined) return [0];
    this.#counter.count(fault);
    const delayMs = Math.ceil(unit('delay') * plan.notificationDelayMs);
    return fault === 'delayNotification' ? [delayMs] : [0, delayMs];
  }

  #nextAttempt(identity: string): number {
    const attempt = this.#attempts.get(identity) ?? 0;
    this.#attempts.set(identity, attempt + 1);
    return attempt;
  }
}

function possibleFaults(method: string): readonly S3RequestFault[] {
  const always = ['internalError', 'slowDown', 'resetBeforeAnswer'] as const;
  if (method === 'HEAD') return always;
  return method === 'GET' ? [...always, 'resetMidBody', 'slowBody'] : [...always, 'lostResponse'];
}
