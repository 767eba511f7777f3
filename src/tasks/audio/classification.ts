import { invalidRequest } from '../../errors.ts';
import type { TaskOf } from '../../models/task-configuration.ts';
import {
  largestBatch,
  pickInput,
  pickOutput,
  requireAllFed,
  requireDatatype,
  requireRank,
} from '../binding.ts';
import { activate, resolveLabels, topLabels } from '../labels.ts';
import type { AudioDecoder, MediaDecoders } from '../ports.ts';
import type { PredictInput, Prediction, Predictor, TaskModel } from '../predictor.ts';
import { definePredictor } from '../stage.ts';
import { fromFloats, outputNamed, realDatatypes, rowsOf } from '../tensors.ts';

type Configuration = TaskOf<'audio-classification'>;

/** The samples of an input. @throws ServingError 4xx */
export function decodeAudio(
  decoder: AudioDecoder,
  input: PredictInput,
  audio: Configuration['audio'],
): Promise<Float32Array> {
  if (input.kind !== 'audio') throw invalidRequest('input', 'sound', input.kind);
  return decoder.decode(input.bytes, audio);
}

/**
 * Pieces of `window` samples, one each `hop` samples; the last one is filled with silence. Sound that is shorter than a
 * window is one piece; without a window the sound is one piece as it is.
 */
export function cutWindows(
  samples: Float32Array,
  window: number | undefined,
  hop: number | undefined,
): Float32Array[] {
  if (window === undefined) return [samples];
  const step = hop ?? window;
  const count = 1 + Math.max(0, Math.ceil((samples.length - window) / step));
  return Array.from({ length: count }, (_, index) => {
    const piece = new Float32Array(window);
    piece.set(samples.subarray(index * step, index * step + window));
    return piece;
  });
}

/** Sound in, the best labels out; over several windows their scores are averaged. */
export async function createAudioClassifier(
  configuration: Configuration,
  model: TaskModel,
  decoders: MediaDecoders,
): Promise<Predictor> {
  const { audio, activation, windowMs, hopMs } = configuration;
  const input = pickInput(model, 'input', configuration.input);
  const output = pickOutput(model, 'output', configuration.output);
  requireAllFed(model, [input.name]);
  requireDatatype(model, 'input', input, realDatatypes);
  requireRank(model, 'input', input, [['rows', 'samples']]);
  requireDatatype(model, 'output', output, realDatatypes);
  requireRank(model, 'output', output, [['rows', 'classes']]);
  const labels = await resolveLabels(model, configuration.labels, output.shape[1] ?? -1);
  const limit = largestBatch(model, 'input', input);
  const inSamples = (ms: number | undefined) =>
    ms === undefined ? undefined : Math.max(1, Math.round((ms * audio.sampleRate) / 1000));
  const fixed = input.shape[1] ?? -1;
  const window = inSamples(windowMs) ?? (fixed > 0 ? fixed : undefined);

  return definePredictor<Float32Array[]>({
    task: configuration.type,
    accepts: 'audio',
    async prepare(source) {
      const samples = await decodeAudio(decoders.audio, source, audio);
      return cutWindows(samples, window, inSamples(hopMs));
    },
    async execute(prepared, parameters, context) {
      const predictions: Prediction[] = [];
      const size = Math.min(limit, context.maxBatchSize);
      for (const windows of prepared) {
        const sum = { scores: new Float32Array(), windows: 0 };
        for (let start = 0; start < windows.length; start += size) {
          const group = windows.slice(start, start + size);
          const feed = stack(input.name, input.datatype, group);
          const tensor = outputNamed(await context.run([feed], [output.name]), output.name);
          for (const row of rowsOf(tensor, group.length)) {
            activate(row, activation);
            if (sum.windows === 0) sum.scores = new Float32Array(row.length);
            for (const [index, score] of row.entries()) {
              sum.scores[index] = (sum.scores[index] ?? 0) + score;
            }
            sum.windows += 1;
          }
        }
        const mean = sum.scores.map((score) => score / sum.windows);
        const topK = parameters.topK ?? configuration.topK;
        predictions.push({ type: 'labels', labels: topLabels(mean, labels, topK) });
      }
      return predictions;
    },
  });
}

function stack(
  name: string,
  datatype: Parameters<typeof fromFloats>[1],
  windows: readonly Float32Array[],
) {
  const length = windows[0]?.length ?? 0;
  const joined = new Float32Array(windows.length * length);
  for (const [index, window] of windows.entries()) joined.set(window, index * length);
  return fromFloats(name, datatype, [windows.length, length], joined);
}
