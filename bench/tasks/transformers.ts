import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createPredictor } from '../../src/tasks/create.ts';
import { defaultParameters, type PredictInput } from '../../src/tasks/predictor.ts';
import { decoders, image, loadModel, repository } from '../../test/tasks/support/models.ts';
import { compare } from '../measure.ts';
import { sentences } from './texts.ts';

/**
 * Our predictors against the pipelines of @huggingface/transformers on the same model, runtime and number of threads, one
 * input and many. The library is installed into a temporary folder for this. Run: npm run bench -- tasks/transformers
 */
const version = '4.3.1';
const models = join(repository, 'examples/models');

type Pipeline = (input: unknown, options?: object) => Promise<unknown>;
interface Transformers {
  readonly env: { localModelPath: string; allowRemoteModels: boolean };
  pipeline(task: string, model: string, options: object): Promise<Pipeline>;
}

const folder = mkdtempSync(join(tmpdir(), 'pilotlight-transformers-'));
try {
  const arguments_ = ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', [...arguments_, `@huggingface/transformers@${version}`], { stdio: 'ignore' });
  const entry = 'node_modules/@huggingface/transformers/dist/transformers.node.mjs';
  const library: Transformers = await import(pathToFileURL(join(folder, entry)).href);
  library.env.localModelPath = folder;
  library.env.allowRemoteModels = false;
  await benchmark(library);
} finally {
  rmSync(folder, { recursive: true });
}

/** The files of a model as Hugging Face lays them. */
function layOut(name: string, config: object, preprocessor?: object): void {
  const target = join(folder, name);
  mkdirSync(join(target, 'onnx'), { recursive: true });
  cpSync(join(models, name, '1/model.onnx'), join(target, 'onnx/model.onnx'));
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
    const path = join(models, name, '1', file);
    if (existsSync(path)) cpSync(path, join(target, file));
  }
  const labels = join(models, name, '1/labels.txt');
  const names = existsSync(labels) ? readFileSync(labels, 'utf8').trim().split('\n') : [];
  const id2label = Object.fromEntries(names.map((label, index) => [index, label]));
  writeFileSync(join(target, 'config.json'), JSON.stringify({ ...config, id2label }));
  if (preprocessor !== undefined) {
    writeFileSync(join(target, 'preprocessor_config.json'), JSON.stringify(preprocessor));
  }
}

async function benchmark({ pipeline }: Transformers): Promise<void> {
  const options = {
    dtype: 'fp32',
    device: 'cpu',
    session_options: { intraOpNumThreads: 1, interOpNumThreads: 1 },
  };
  const texts = sentences.map((text): PredictInput => ({ kind: 'text', text }));
  const tokens = { model_type: 'bert' };

  for (const [task, name, rounds] of [
    ['text-classification', 'sentiment', 41],
    ['token-classification', 'pii-tagger', 41],
    ['feature-extraction', 'all-minilm-l6-v2', 9],
  ] as const) {
    if (!existsSync(join(models, name, '1/model.onnx'))) {
      console.log(`\n${task}: ${name} has not been made, see examples/models/README.md`);
      continue;
    }
    layOut(name, tokens);
    const theirs = await pipeline(task, name, options);
    const ours = await loadModel(name);
    const extra = task === 'feature-extraction' ? { pooling: 'mean', normalize: true } : {};
    await compare(
      `${task}, ${name}: one sentence of 12 words`,
      [
        { name: 'transformers', run: () => theirs(sentences[0], extra) },
        { name: 'pilotlight', run: () => ours.predict(...texts.slice(0, 1)) },
      ],
      { rounds: rounds * 3 },
    );
    await compare(
      `${task}, ${name}: 32 sentences of 3 to 60 words`,
      [
        { name: 'transformers', run: () => theirs(sentences, extra) },
        { name: 'pilotlight', run: () => ours.predict(...texts) },
      ],
      { rounds },
    );
  }
  await benchmarkPictures(pipeline, options);
}

async function benchmarkPictures(
  pipeline: Transformers['pipeline'],
  options: object,
): Promise<void> {
  const name = 'efficientnet-lite0';
  if (!existsSync(join(models, name, '1/model.onnx'))) {
    console.log(`\nimage-classification: ${name} has not been made, see examples/models/README.md`);
    return;
  }
  const mean = Array(3).fill(127 / 255);
  layOut(
    name,
    { model_type: 'vit' },
    {
      image_processor_type: 'CLIPImageProcessor',
      do_resize: true,
      size: { shortest_edge: 256 },
      resample: 3,
      do_center_crop: true,
      crop_size: { width: 224, height: 224 },
      do_rescale: true,
      rescale_factor: 1 / 255,
      do_normalize: true,
      image_mean: mean,
      image_std: Array(3).fill(128 / 255),
    },
  );
  const theirs = await pipeline('image-classification', name, options);
  const ours = await loadModel(name);
  const { configuration, model, context } = ours;
  if (configuration.type !== 'image-classification' || configuration.image === undefined) {
    throw new Error(`${name} is no classifier of pictures`);
  }
  const resizing = { ...configuration.image, resizer: 'fast' as const };
  const fast = await createPredictor({ ...configuration, image: resizing }, model, decoders);
  const picture = await image('examples/object-detection/grace-hopper.jpg');
  const bytes = picture.kind === 'image' ? picture.bytes : new Uint8Array();
  const blob = () => new Blob([Uint8Array.from(bytes)]);
  for (const count of [1, 8]) {
    const pictures = Array.from({ length: count }, () => picture);
    await compare(
      `image-classification, ${name}: ${count} JPEG of 512 x 600`,
      [
        { name: 'transformers', run: () => theirs(Array.from({ length: count }, blob)) },
        { name: 'pilotlight, resizer exact', run: () => ours.predict(...pictures) },
        {
          name: 'pilotlight, resizer fast',
          run: () => fast.predict(pictures, defaultParameters, context),
        },
      ],
      { rounds: count === 1 ? 41 : 11 },
    );
  }
}
