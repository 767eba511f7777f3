import type { InferenceOutcome } from '../../inference/inference.ts';

/**
 * The `Server-Timing` header (W3C Server Timing) of one inference: whether the environment was cold and the model in
 * memory, and where the time went, in milliseconds.
 */
export function serverTiming(
  outcome: Pick<InferenceOutcome<unknown>, 'hit' | 'timings'>,
  coldStart: boolean,
): string {
  const { hit, timings } = outcome;
  const metrics = [
    `environment;desc="${coldStart ? 'cold' : 'warm'}"`,
    `cache;desc="${hit ? 'hit' : 'miss'}"`,
  ];
  // Rounded to microseconds: `toFixed` takes several times as long.
  const add = (name: string, ms: number) =>
    metrics.push(`${name};dur=${Math.round(ms * 1_000) / 1_000}`);
  if (!hit) {
    add('download', timings.downloadMs);
    add('create', timings.createMs);
  }
  add('decode', timings.decodeMs);
  add('queue', timings.queueMs);
  add('run', timings.runMs);
  add('encode', timings.encodeMs);
  return metrics.join(', ');
}
