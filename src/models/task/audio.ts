import * as v from 'valibot';
import {
  activationSchema,
  described,
  fraction,
  labels,
  requiredTensorName,
  tensorName,
  topK,
  wholeNumber,
} from './common.ts';

const milliseconds = wholeNumber(0, 3_600_000);

/** From sound to mono samples between -1 and 1. */
export const audioSchema = v.strictObject({
  sampleRate: described(
    'Samples a second that the model was trained with.',
    wholeNumber(1000, 192_000),
  ),
  maxSeconds: described(
    'Longer sound is refused; decoding stops there, so that memory stays bounded.',
    v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(86_400)), 600),
  ),
});

export type AudioConfiguration = v.InferOutput<typeof audioSchema>;

export const audioClassificationSchema = v.strictObject({
  type: v.literal('audio-classification'),
  audio: described('How sound becomes samples.', audioSchema),
  input: described('Input of samples: [1, samples].', tensorName),
  output: tensorName,
  labels,
  activation: activationSchema,
  topK,
  windowMs: described(
    'Cut long sound into windows and average the scores; the last one is padded with silence. Default: one run for all of it.',
    v.optional(milliseconds),
  ),
  hopMs: described(
    'From the start of a window to the start of the next. Default: windowMs.',
    v.optional(milliseconds),
  ),
});

/** A recurrent model over short windows, and the rules that turn its probabilities into stretches of speech (Silero's). */
export const voiceActivitySchema = v.strictObject({
  type: v.literal('voice-activity-detection'),
  audio: described('How sound becomes samples.', audioSchema),
  input: described('Input of samples: [1, contextSamples + windowSamples].', requiredTensorName),
  output: described('Output of the probability of speech in the window.', requiredTensorName),
  windowSamples: described('Samples of one run.', wholeNumber(1, 1_000_000)),
  contextSamples: described(
    'The end of the window before, put in front of each one.',
    v.optional(wholeNumber(0, 1_000_000), 0),
  ),
  state: described(
    'Outputs that are fed into inputs of the next window; they start as zeros.',
    v.pipe(
      v.array(
        v.strictObject({
          input: described('Name of the input.', v.string()),
          output: described('Name of the output that is fed into it.', v.string()),
          shape: described(
            'Of one stream, the varying dimensions filled in.',
            v.pipe(v.array(wholeNumber(1, 65_536)), v.maxLength(8)),
          ),
        }),
      ),
      v.minLength(1),
    ),
  ),
  sampleRateInput: described(
    'Scalar input that takes the sample rate, where the model has one.',
    tensorName,
  ),
  threshold: described('Speech starts at this probability.', v.optional(fraction, 0.5)),
  endThreshold: described(
    'Speech ends below this probability. Default: threshold - 0.15, at least 0.01.',
    v.optional(fraction),
  ),
  minSpeechMs: described('Shorter speech is left out.', v.optional(milliseconds, 250)),
  minSilenceMs: described('Shorter silence does not end speech.', v.optional(milliseconds, 100)),
  padMs: described('Added to speech on both sides.', v.optional(milliseconds, 30)),
});
