import * as v from 'valibot';
import { activationSchema, fraction, labels, tensorName, topK, wholeNumber } from './common.ts';

const milliseconds = wholeNumber(0, 3_600_000);

/** From sound to mono samples between -1 and 1. */
export const audioSchema = v.strictObject({
  /** Samples a second that the model was trained with. */
  sampleRate: wholeNumber(1000, 192_000),
  /** Longer sound is refused; decoding stops there, so that memory stays bounded. */
  maxSeconds: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(86_400)), 600),
});

export type AudioConfiguration = v.InferOutput<typeof audioSchema>;

export const audioClassificationSchema = v.strictObject({
  type: v.literal('audio-classification'),
  audio: audioSchema,
  /** Input of samples: [1, samples]. */
  input: tensorName,
  output: tensorName,
  labels,
  activation: activationSchema,
  topK,
  /** Cut long sound into windows and average the scores; the last one is padded with silence. @default one run for all of it */
  windowMs: v.optional(milliseconds),
  /** From the start of a window to the start of the next. @default windowMs */
  hopMs: v.optional(milliseconds),
});

/** A recurrent model over short windows, and the rules that turn its probabilities into stretches of speech (Silero's). */
export const voiceActivitySchema = v.strictObject({
  type: v.literal('voice-activity-detection'),
  audio: audioSchema,
  /** Input of samples: [1, contextSamples + windowSamples]. */
  input: v.pipe(v.string(), v.minLength(1)),
  /** Output: the probability of speech in the window. */
  output: v.pipe(v.string(), v.minLength(1)),
  windowSamples: wholeNumber(1, 1_000_000),
  /** The end of the window before, put in front of each one. */
  contextSamples: v.optional(wholeNumber(0, 1_000_000), 0),
  /** Outputs that are fed into inputs of the next window; they start as zeros. */
  state: v.pipe(
    v.array(
      v.strictObject({
        input: v.string(),
        output: v.string(),
        /** Of one stream, the varying dimensions filled in. */
        shape: v.pipe(v.array(wholeNumber(1, 65_536)), v.maxLength(8)),
      }),
    ),
    v.minLength(1),
  ),
  /** Scalar input that takes the sample rate, where the model has one. */
  sampleRateInput: tensorName,
  /** Speech starts at this probability ... */
  threshold: v.optional(fraction, 0.5),
  /** ... and ends below this one. @default threshold - 0.15, at least 0.01 */
  endThreshold: v.optional(fraction),
  minSpeechMs: v.optional(milliseconds, 250),
  minSilenceMs: v.optional(milliseconds, 100),
  /** Added on both sides. */
  padMs: v.optional(milliseconds, 30),
});
