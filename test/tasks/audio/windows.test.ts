import { describe, expect, test } from 'vitest';
import { cutWindows } from '../../../src/tasks/audio/classification.ts';
import { findSpeech, type SegmentRules } from '../../../src/tasks/audio/speech-segments.ts';

describe('sound is cut into windows', () => {
  const samples = Float32Array.from({ length: 10 }, (_, i) => i + 1);
  const cut = (window?: number, hop?: number) =>
    cutWindows(samples, window, hop).map((piece) => Array.from(piece));

  test('of which the last is filled with silence', () => {
    expect(cut(4)).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [9, 10, 0, 0],
    ]);
  });

  test('that overlap where the hop is shorter', () => {
    expect(cut(6, 2).map((piece) => piece[0])).toEqual([1, 3, 5]);
    expect(cut(6, 2).at(-1)).toEqual([5, 6, 7, 8, 9, 10]);
  });

  test('or stays whole', () => {
    expect(cut()).toEqual([Array.from(samples)]);
    expect(cut(12)).toEqual([[...samples, 0, 0]]);
    expect(cut(10)).toEqual([Array.from(samples)]);
  });
});

describe('windows become stretches of speech', () => {
  const rules: SegmentRules = {
    threshold: 0.5,
    endThreshold: 0.35,
    windowSamples: 100,
    minSpeechSamples: 250,
    minSilenceSamples: 200,
    padSamples: 30,
  };
  // One letter a window of a tenth of a second: speech, unsure, quiet.
  const find = (windows: string, change: Partial<SegmentRules> = {}) =>
    findSpeech(
      [...windows].map((letter) => ({ S: 0.9, u: 0.4 })[letter] ?? 0.1),
      windows.length * 100,
      1000,
      { ...rules, ...change },
    );

  test('which are padded, but not beyond the ends', () => {
    expect(find('...SSSS....')).toEqual([{ start: 0.27, end: 0.73 }]);
    expect(find('SSSS')).toEqual([{ start: 0, end: 0.4 }]);
  });

  test('that a short silence does not end, nor what is unsure', () => {
    expect(find('SS.SS....')).toEqual([{ start: 0, end: 0.53 }]);
    expect(find('SSuuuuSS...')).toEqual([{ start: 0, end: 0.83 }]);
  });

  test('unless they are too short', () => {
    expect(find('..S.....SSSS...')).toEqual([{ start: 0.77, end: 1.23 }]);
    expect(find('..S...')).toEqual([]);
    expect(find('')).toEqual([]);
  });

  test('of which two that are near share the gap', () => {
    expect(find('SSSS..SSSS', { minSilenceSamples: 100, padSamples: 150 })).toEqual([
      { start: 0, end: 0.5 },
      { start: 0.5, end: 1 },
    ]);
  });
});
