import * as v from 'valibot';
import {
  FaultCounter,
  optionalMilliseconds,
  parsePlan,
  pickFault,
  seededPlanEntries,
} from '../faults/plan.ts';
import { seededUnit } from '../faults/random.ts';

/** What can go wrong with an invocation: each is something that Lambda may do to a function at any time. */
const faults = [
  /** Refused with 429; the function has not seen it. */
  'throttle',
  /**
   * The environment is killed up to `maximumDelayMs` after the invocation has begun: in the middle of it, or idle,
   * or in whatever it does then.
   */
  'kill',
  /** The invocation's time is up after at most `maximumDelayMs`. */
  'timeout',
  /** The invocation is carried out, and the environment killed before its answer is out. */
  'lostResponse',
] as const;

export type LambdaFault = (typeof faults)[number];

const faultPlanSchema = v.strictObject({
  ...seededPlanEntries(faults),
  /** Names of the functions whose invocations go wrong. @default all */
  functions: v.optional(v.array(v.string())),
  maximumDelayMs: optionalMilliseconds(1000),
});

export type LambdaFaultPlan = v.InferInput<typeof faultPlanSchema>;

/** What is to happen to one invocation, and how long after its beginning where that is not at once. */
export interface InvocationFault {
  readonly kind: LambdaFault;
  readonly afterMs: number;
}

/**
 * Decides which invocations go wrong, and counts. Off until a plan is set. A decision depends on the seed, the
 * function and how many of its invocations came before.
 */
export class FaultInjector {
  #plan: v.InferOutput<typeof faultPlanSchema> | undefined;
  readonly #invocations = new Map<string, number>();
  readonly #counter = new FaultCounter<LambdaFault>();

  /** Undefined while the faults are off. */
  get plan(): LambdaFaultPlan | undefined {
    return this.#plan;
  }

  /** How often each fault was injected. A kill that comes to an idle environment counts too. */
  get counts(): Readonly<Partial<Record<LambdaFault, number>>> {
    return this.#counter.counts;
  }

  /**
   * Replaces the plan; undefined or null ends the faults. Counts go on; invocations are numbered anew.
   * @param plan a `LambdaFaultPlan`, or JSON from outside
   * @throws FaultPlanError
   */
  setPlan(plan: unknown): void {
    this.#plan = parsePlan(faultPlanSchema, plan);
    this.#invocations.clear();
  }

  /** What is to happen to the next invocation of a function. */
  forInvocation(functionName: string): InvocationFault | undefined {
    const plan = this.#plan;
    if (plan === undefined || plan.functions?.includes(functionName) === false) return undefined;
    const before = this.#invocations.get(functionName) ?? 0;
    this.#invocations.set(functionName, before + 1);
    const unit = (what: string) => seededUnit(plan.seed, `${functionName}\n${before}\n${what}`);
    const kind = pickFault(plan.rates, faults, unit('fault'));
    if (kind === undefined) return undefined;
    this.#counter.count(kind);
    return { kind, afterMs: unit('delay') * plan.maximumDelayMs };
  }
}
