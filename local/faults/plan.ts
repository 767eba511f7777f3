import * as v from 'valibot';

/** A plan that is not of its form; the message names the field. */
export class FaultPlanError extends Error {
  override readonly name = 'FaultPlanError';
}

const probability = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** What every plan says: the same seed makes the same faults again, at these rates. */
export function seededPlanEntries<const Faults extends readonly string[]>(faults: Faults) {
  return {
    seed: v.pipe(v.number(), v.integer()),
    /** Probability of each fault, 0 to 1, for what it can happen to. */
    rates: v.strictObject(v.entriesFromList(faults, v.optional(probability, 0))),
  };
}

/** Milliseconds that a plan may name. */
export const optionalMilliseconds = (fallback: number) =>
  v.optional(v.pipe(v.number(), v.minValue(0)), fallback);

/**
 * A plan out of JSON from outside; undefined for null or undefined, which end the faults.
 * @throws FaultPlanError
 */
export function parsePlan<Schema extends v.GenericSchema>(
  schema: Schema,
  plan: unknown,
): v.InferOutput<Schema> | undefined {
  const parsed = v.safeParse(v.nullish(schema), plan);
  if (parsed.success) return parsed.output ?? undefined;
  const [issue] = parsed.issues;
  throw new FaultPlanError(`${v.getDotPath(issue) ?? 'faults'}: ${issue.message}`);
}

/**
 * At most one of the faults that can happen.
 * @param unit from 0 up to, not including, 1: where it falls among the rates decides
 */
export function pickFault<Fault extends string>(
  rates: Readonly<Partial<Record<Fault, number>>>,
  candidates: readonly Fault[],
  unit: number,
): Fault | undefined {
  let rest = unit;
  for (const fault of candidates) {
    rest -= rates[fault] ?? 0;
    if (rest < 0) return fault;
  }
  return undefined;
}

/** How often each fault was injected. */
export class FaultCounter<Fault extends string> {
  readonly #counts = new Map<Fault, number>();

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  count(fault: Fault): void {
    this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + 1);
  }
}
