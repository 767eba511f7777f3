import type { TaskOf } from '../../models/task-configuration.ts';
import type { Tensor, TensorMetadata } from '../../protocol/tensor.ts';
import {
  misconfigured,
  pickInput,
  pickOutput,
  requireAllFed,
  requireDatatype,
  requireDimension,
  requireRank,
} from '../binding.ts';
import type { MediaDecoders } from '../ports.ts';
import type { Prediction, Predictor, Run, TaskModel } from '../predictor.ts';
import { definePredictor } from '../stage.ts';
import {
  elementCount,
  fromFloats,
  fromIntegers,
  outputNamed,
  realDatatypes,
  toFloats,
} from '../tensors.ts';
import { decodeAudio } from './classification.ts';
import { findSpeech, type SegmentRules } from './speech-segments.ts';

type Configuration = TaskOf<'voice-activity-detection'>;

/** Sound in, its stretches of speech out: a recurrent model goes over the windows, its state with it. */
export async function createVoiceActivityDetector(
  configuration: Configuration,
  model: TaskModel,
  decoders: MediaDecoders,
): Promise<Predictor> {
  const { audio } = configuration;
  const bound = bind(configuration, model);
  const inSamples = (ms: number) => (ms * audio.sampleRate) / 1000;

  return definePredictor<Float32Array>({
    task: configuration.type,
    prepare: (source) => decodeAudio(decoders.audio, source, audio),
    async execute(prepared, parameters, context) {
      const predictions: Prediction[] = [];
      const threshold = parameters.threshold ?? configuration.threshold;
      const rules: SegmentRules = {
        threshold,
        endThreshold: configuration.endThreshold ?? Math.max(threshold - 0.15, 0.01),
        windowSamples: configuration.windowSamples,
        minSpeechSamples: inSamples(configuration.minSpeechMs),
        minSilenceSamples: inSamples(configuration.minSilenceMs),
        padSamples: inSamples(configuration.padMs),
      };
      for (const samples of prepared) {
        const probabilities = await runWindows(samples, configuration, bound, context.run);
        predictions.push({
          type: 'voice-activity',
          activity: {
            segments: findSpeech(probabilities, samples.length, audio.sampleRate, rules),
            score: probabilities.reduce((most, one) => Math.max(most, one), 0),
            duration: samples.length / audio.sampleRate,
          },
        });
      }
      return predictions;
    },
  });
}

interface Bound {
  readonly input: TensorMetadata;
  readonly output: string;
  readonly sampleRate: TensorMetadata | undefined;
  readonly states: readonly {
    readonly input: TensorMetadata;
    readonly output: string;
    readonly shape: readonly number[];
  }[];
}

function bind(configuration: Configuration, model: TaskModel): Bound {
  const input = pickInput(model, 'input', configuration.input);
  requireRank(model, 'input', input, [['streams', 'samples']]);
  requireDatatype(model, 'input', input, realDatatypes);
  requireDimension(
    model,
    'windowSamples',
    input,
    1,
    configuration.contextSamples + configuration.windowSamples,
  );
  const output = pickOutput(model, 'output', configuration.output);
  requireDatatype(model, 'output', output, realDatatypes);
  const states = configuration.state.map((state, index) => {
    const field = `state[${index}]`;
    const from = pickInput(model, `${field}.input`, state.input);
    const to = pickOutput(model, `${field}.output`, state.output);
    requireDatatype(model, `${field}.input`, from, realDatatypes);
    if (from.shape.length !== state.shape.length) {
      throw misconfigured(
        model,
        `${field}.shape`,
        `${from.shape.length} dimensions of ${from.name}`,
        `${state.shape.length}`,
      );
    }
    for (const [axis, size] of state.shape.entries()) {
      requireDimension(model, `${field}.shape`, from, axis, size);
    }
    return { input: from, output: to.name, shape: state.shape };
  });
  const sampleRate =
    configuration.sampleRateInput === undefined
      ? undefined
      : pickInput(model, 'sampleRateInput', configuration.sampleRateInput);
  const fed = [input, ...states.map((state) => state.input), sampleRate];
  requireAllFed(
    model,
    fed.flatMap((tensor) => tensor?.name ?? []),
  );
  return { input, output: output.name, sampleRate, states };
}

/** The probability of speech in each window; the last one is filled with silence. */
async function runWindows(
  samples: Float32Array,
  configuration: Configuration,
  bound: Bound,
  run: Run,
): Promise<number[]> {
  const { windowSamples, contextSamples, audio } = configuration;
  const { input } = bound;
  const size = contextSamples + windowSamples;
  const outputs = [bound.output, ...bound.states.map((state) => state.output)];
  const rate =
    bound.sampleRate &&
    fromIntegers(
      bound.sampleRate.name,
      bound.sampleRate.datatype,
      bound.sampleRate.shape.map(() => 1),
      Int32Array.of(audio.sampleRate),
    );
  let states: Tensor[] = bound.states.map((state) =>
    fromFloats(
      state.input.name,
      state.input.datatype,
      state.shape,
      new Float32Array(elementCount(state.shape)),
    ),
  );
  const probabilities: number[] = [];
  for (let start = 0; start < samples.length; start += windowSamples) {
    const window = new Float32Array(size);
    const from = start - contextSamples;
    window.set(samples.subarray(Math.max(0, from), start + windowSamples), Math.max(0, -from));
    const feed = fromFloats(input.name, input.datatype, [1, size], window);
    const results = await run([feed, ...states, ...(rate ? [rate] : [])], outputs);
    probabilities.push(toFloats(outputNamed(results, bound.output))[0] ?? 0);
    states = bound.states.map((state) => ({
      ...outputNamed(results, state.output),
      name: state.input.name,
    }));
  }
  return probabilities;
}
