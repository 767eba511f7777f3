import * as v from 'valibot';
import { expect, test } from 'vitest';
import type { VoiceActivity } from '../../src/tasks/predictor.ts';
import { audio, golden, loadModel } from '../../test/tasks/support/models.ts';

const goldenSchema = v.object({
  segments: v.array(v.object({ start: v.number(), end: v.number() })),
  score: v.number(),
  duration: v.number(),
});
const expected = await golden('examples/voice-activity-detection/golden.json', goldenSchema);

async function listen(file: string): Promise<VoiceActivity | undefined> {
  const { predict } = await loadModel('silero-vad');
  const path = `examples/voice-activity-detection/recordings/${file}`;
  const [prediction] = await predict(await audio(path));
  return prediction?.type === 'voice-activity' ? prediction.activity : undefined;
}

test('speech is where the package of Silero hears it', async () => {
  const activity = await listen('message.wav');
  expect(activity?.segments).toEqual(expected.segments);
  expect(activity?.score).toBeCloseTo(expected.score, 5);
  expect(activity?.duration).toBe(expected.duration);
});

test.each([
  'message-24000-stereo.flac',
  'message-22050.mp3',
  'message-48000.ogg',
  'message-8000-alaw.wav',
  'message.opus',
])('%s says the same', async (file) => {
  const activity = await listen(file);
  expect(activity?.segments).toHaveLength(expected.segments.length);
  for (const [index, segment] of (activity?.segments ?? []).entries()) {
    // Codecs move a border by a window or two (32 ms each).
    expect(Math.abs(segment.start - (expected.segments[index]?.start ?? 0))).toBeLessThan(0.1);
    expect(Math.abs(segment.end - (expected.segments[index]?.end ?? 0))).toBeLessThan(0.2);
  }
  expect(Math.abs((activity?.duration ?? 0) - expected.duration)).toBeLessThan(0.1);
});
