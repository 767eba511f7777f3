import type { SpeechSegment } from '../predictor.ts';

/** Rules of Silero's get_speech_timestamps; times in samples. */
export interface SegmentRules {
  readonly threshold: number;
  readonly endThreshold: number;
  readonly windowSamples: number;
  readonly minSpeechSamples: number;
  readonly minSilenceSamples: number;
  readonly padSamples: number;
}

interface Stretch {
  start: number;
  end: number;
}

/**
 * Stretches of speech: one starts with the first window at or above the threshold and ends where the windows have been
 * below the end threshold for the minimum of silence; short ones are left out, the rest is padded, into half of the gap
 * where two come close.
 *
 * @param probabilities of speech in each window
 * @param samples that there are
 * @returns times in seconds
 */
export function findSpeech(
  probabilities: readonly number[],
  samples: number,
  sampleRate: number,
  rules: SegmentRules,
): SpeechSegment[] {
  const stretches = collect(probabilities, samples, rules);
  pad(stretches, samples, rules.padSamples);
  return stretches.map(({ start, end }) => ({
    start: start / sampleRate,
    end: end / sampleRate,
  }));
}

function collect(
  probabilities: readonly number[],
  samples: number,
  rules: SegmentRules,
): Stretch[] {
  const stretches: Stretch[] = [];
  let start: number | undefined;
  let quietSince: number | undefined;
  for (const [index, probability] of probabilities.entries()) {
    const at = index * rules.windowSamples;
    if (probability >= rules.threshold) {
      quietSince = undefined;
      start ??= at;
      continue;
    }
    if (start === undefined || probability >= rules.endThreshold) continue;
    quietSince ??= at;
    if (at - quietSince < rules.minSilenceSamples) continue;
    if (quietSince - start > rules.minSpeechSamples) stretches.push({ start, end: quietSince });
    start = undefined;
    quietSince = undefined;
  }
  if (start !== undefined && samples - start > rules.minSpeechSamples) {
    stretches.push({ start, end: samples });
  }
  return stretches;
}

function pad(stretches: readonly Stretch[], samples: number, padSamples: number): void {
  for (const [index, stretch] of stretches.entries()) {
    if (index === 0) stretch.start = Math.max(0, stretch.start - padSamples);
    const next = stretches[index + 1];
    if (next === undefined) {
      stretch.end = Math.min(samples, stretch.end + padSamples);
      continue;
    }
    const silence = next.start - stretch.end;
    const margin = silence < 2 * padSamples ? Math.floor(silence / 2) : padSamples;
    stretch.end = Math.min(samples, stretch.end + margin);
    next.start = Math.max(0, next.start - margin);
  }
}
