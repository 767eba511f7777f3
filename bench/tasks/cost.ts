import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Tensor } from '../../src/protocol/tensor.ts';
import type { PredictInput } from '../../src/tasks/predictor.ts';
import { audio, golden, image, loadModel, repository } from '../../test/tasks/support/models.ts';
import { median, printTable, samples } from '../measure.ts';
import { sentences } from './texts.ts';

/**
 * What decoding, preprocessing and postprocessing cost for one input, beside the bare run of the model on the tensors
 * that came of it. Run: npm run bench -- tasks/cost
 */
interface Case {
  readonly model: string;
  readonly what: string;
  readonly input: PredictInput;
}

const row =
  (
    await golden(
      'examples/models/wine/golden.json',
      v.object({ rows: v.array(v.record(v.string(), v.number())) }),
    )
  ).rows[0] ?? {};
const recordings = 'examples/voice-activity-detection/recordings';
const cases: readonly Case[] = [
  {
    model: 'efficientnet-lite0',
    what: 'JPEG 512 x 600, to 224 x 224',
    input: await image('examples/object-detection/grace-hopper.jpg'),
  },
  {
    model: 'face-detector',
    what: 'JPEG 512 x 600, to 128 x 128',
    input: await image('examples/object-detection/grace-hopper.jpg'),
  },
  {
    model: 'selfie-segmentation',
    what: 'JPEG 512 x 600, mask of that size',
    input: await image('examples/object-detection/grace-hopper.jpg'),
  },
  {
    model: 'ocr-detector',
    what: 'PNG 900 x 520, page of text',
    input: await image('examples/document-reading/pages/invoice.png'),
  },
  {
    model: 'all-minilm-l6-v2',
    what: 'sentence of 12 words',
    input: { kind: 'text', text: sentences[0] ?? '' },
  },
  {
    model: 'sentiment',
    what: 'sentence of 12 words',
    input: { kind: 'text', text: sentences[0] ?? '' },
  },
  {
    model: 'pii-tagger',
    what: 'sentence of 12 words',
    input: { kind: 'text', text: sentences[0] ?? '' },
  },
  { model: 'wine', what: 'row of 13 columns', input: { kind: 'row', row } },
  {
    model: 'silero-vad',
    what: '9.2 s of WAV, 16 kHz',
    input: await audio(`${recordings}/message.wav`),
  },
  {
    model: 'silero-vad',
    what: '9.2 s of FLAC, 24 kHz stereo',
    input: await audio(`${recordings}/message-24000-stereo.flac`),
  },
  {
    model: 'silero-vad',
    what: '9.2 s of MP3, 22 kHz',
    input: await audio(`${recordings}/message-22050.mp3`),
  },
];

const lines: string[][] = [];
for (const { model, what, input } of cases) {
  const folder = join(repository, 'examples/models', model, '1');
  if (existsSync(join(folder, 'labels.txt')) && !existsSync(join(folder, 'model.onnx'))) continue;
  if (model === 'all-minilm-l6-v2' && !existsSync(folder)) continue;
  const { predictor, context } = await loadModel(model);
  const parameters = { topK: undefined, threshold: undefined };
  const runs: { feeds: readonly Tensor[]; outputs: readonly string[] }[] = [];
  const recording = {
    ...context,
    run(feeds: readonly Tensor[], outputs: readonly string[]) {
      runs.push({ feeds, outputs });
      return context.run(feeds, outputs);
    },
  };
  await predictor.predict([input], parameters, recording);
  const bare = async () => {
    for (const { feeds, outputs } of runs) await context.run(feeds, outputs);
  };
  const whole = () => predictor.predict([input], parameters, context);
  const rounds = { rounds: 41, repeat: model === 'wine' ? 100 : 1 };
  const [bareTimes = [], wholeTimes = []] = await samples(rounds, [bare, whole]);
  const beside = wholeTimes.map((time, round) => time - (bareTimes[round] ?? 0));
  lines.push([
    model,
    what,
    median(bareTimes).toFixed(3),
    median(wholeTimes).toFixed(3),
    median(beside).toFixed(3),
  ]);
}
printTable(['model', 'input', 'bare run, ms', 'predict, ms', 'beside the run, ms'], lines);
