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
    async prepare(source) {
      const samples = await decodeAudio(decoders.audio, source, audio);
      return cutWindows(samples, window, inSamples(hopMs));
    },
    async execute(prepared, parameters, context) {
      const size = Math.min(limit, context.maxBatchSize);
      const sums = prepared.map((): Float32Array | undefined => undefined);
      for (const group of groupsOfOneLength(prepared, size)) {
        const windows = group.map(({ samples }) => samples);
        const feed = stack(input.name, input.datatype, windows);
        const tensor = outputNamed(await context.run([feed], [output.name]), output.name);
        const rows = rowsOf(tensor, group.length).map((row) => activate(row, activation));
        for (const [place, { index }] of group.entries()) {
          const row = rows[place] ?? new Float32Array();
          const sum = sums[index];
          sums[index] = sum === undefined ? row : sum.map((score, at) => score + (row[at] ?? 0));
        }
      }
      const topK = parameters.topK ?? configuration.topK;
      return prepared.map((windows, index): Prediction => {
        const mean = (sums[index] ?? new Float32Array()).map((score) => score / windows.length);
        return { type: 'labels', labels: topLabels(mean, labels, topK) };
      });
    },
  });
}

/** A window of one of several sounds. */
interface PlacedWindow {
  readonly index: number;
  readonly samples: Float32Array;
}

/** Windows of all sounds that can run together: neighbours of the same length, at most `size`. */
function groupsOfOneLength(
  sounds: readonly (readonly Float32Array[])[],
  size: number,
): PlacedWindow[][] {
  const groups: PlacedWindow[][] = [];
  for (const [index, windows] of sounds.entries()) {
    for (const samples of windows) {
      const last = groups.at(-1);
      const fits = last?.[0]?.samples.length === samples.length && last.length < size;
      if (fits) last.push({ index, samples });
      else groups.push([{ index, samples }]);
    }
  }
  return groups;
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
