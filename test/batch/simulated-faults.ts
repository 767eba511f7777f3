/** Probabilities of what can happen at each call of a port, and to each message. */
export interface SimulatedFaults {
  /** The call fails and nothing was done. */
  readonly unavailable: number;
  /** The call is carried out, and its answer gets lost. */
  readonly lostAnswer: number;
  /** The process dies before the call. */
  readonly death: number;
  /** The process dies when the call has been carried out. */
  readonly deathAfter: number;
  /** A message is delivered twice. */
  readonly duplicate: number;
  /** An invocation has little time, so that it has to hand over. */
  readonly shortInvocation: number;
}

export const noFaults: SimulatedFaults = {
  unavailable: 0,
  lostAnswer: 0,
  death: 0,
  deathAfter: 0,
  duplicate: 0,
  shortInvocation: 0,
};

export type SimulatedCounts = Record<keyof SimulatedFaults, number>;
