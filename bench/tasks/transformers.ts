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
import type { ImageConfiguration } from '../../src/models/task/image.ts';
import type { TaskConfiguration } from '../../src/models/task-configuration.ts';
import type { Tensor } from '../../src/protocol/tensor.ts';
import { pickInput } from '../../src/tasks/binding.ts';
import { createPredictor } from '../../src/tasks/create.ts';
import { createImagePreprocessor } from '../../src/tasks/image/preprocess.ts';
import {
  defaultParameters,
  type PredictInput,
  type Predictor,
  type TaskModel,
} from '../../src/tasks/predictor.ts';
import { audio, decoders, image, loadModel, repository } from '../../test/tasks/support/models.ts';
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
  await benchmarkSound(pipeline, options);
  await benchmarkPictures(pipeline, options);
}

/** They take samples, we a WAV that is decoded first. */
async function benchmarkSound(pipeline: Transformers['pipeline'], options: object): Promise<void> {
  const name = 'spoken-digits';
  layOut(
    name,
    { model_type: 'wav2vec2' },
    {
      feature_extractor_type: 'Wav2Vec2FeatureExtractor',
      feature_size: 1,
      sampling_rate: 16_000,
      padding_value: 0,
      do_normalize: false,
      return_attention_mask: false,
    },
  );
  const theirs = await pipeline('audio-classification', name, options);
  const ours = await loadModel(name);
  const clip = await audio('examples/audio-classification/clips/seven.wav');
  const bytes = clip.kind === 'audio' ? clip.bytes : new Uint8Array();
  const decoded = await decoders.audio.decode(bytes, { sampleRate: 16_000, maxSeconds: 1 });
  // The model takes a second, to which ours fills up what is shorter.
  const samples = new Float32Array(16_000);
  samples.set(decoded.subarray(0, samples.length));
  for (const count of [1, 16]) {
    const clips = Array.from({ length: count }, () => clip);
    await compare(
      `audio-classification, ${name}: ${count} of a second`,
      [
        {
          name: 'transformers, of samples',
          run: () => theirs(Array.from({ length: count }, () => samples)),
        },
        { name: 'pilotlight, of WAV', run: () => ours.predict(...clips) },
      ],
      { rounds: count === 1 ? 101 : 41 },
    );
  }
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
  const theirs = {
    labels: await pipeline('image-classification', name, options),
    features: await pipeline('image-feature-extraction', name, options),
  };
  const { configuration, model, context } = await loadModel(name);
  if (configuration.type !== 'image-classification' || configuration.image === undefined) {
    throw new Error(`${name} is no classifier of pictures`);
  }
  const { image: exact } = configuration;
  const create = (task: TaskConfiguration) => createPredictor(task, model, decoders);
  const fast = { ...exact, resizer: 'fast' as const };
  const ours = {
    labels: await create(configuration),
    labelsFast: await create({ ...configuration, image: fast }),
    // Their pipeline answers with the logits of a model like this.
    features: await create({
      type: 'image-feature-extraction',
      input: undefined,
      output: 'logits',
      image: exact,
      pooling: 'none',
      normalise: false,
    }),
  };
  const picture = await image('examples/object-detection/grace-hopper.jpg');
  const bytes = picture.kind === 'image' ? picture.bytes : new Uint8Array();
  const prepared = await prepareOnce(exact, model, picture);
  for (const count of [1, 8, 32]) {
    const pictures = Array.from({ length: count }, () => picture);
    const blobs = () => Array.from({ length: count }, () => new Blob([Uint8Array.from(bytes)]));
    const predict = (predictor: Predictor) => () =>
      predictor.predict(pictures, defaultParameters, context);
    const run = async () => {
      for (let done = 0; done < count; done += 1) await context.run([prepared], ['logits']);
    };
    const rounds = { rounds: count === 1 ? 41 : count === 8 ? 21 : 7 };
    await compare(
      `image-classification, ${name}: ${count} JPEG of 512 x 600`,
      [
        { name: 'transformers', run: () => theirs.labels(blobs()) },
        { name: 'pilotlight, resizer exact', run: predict(ours.labels) },
        { name: 'pilotlight, resizer fast', run: predict(ours.labelsFast) },
        { name: 'the runs alone', run },
      ],
      rounds,
    );
    await compare(
      `image-feature-extraction, ${name}: ${count} JPEG of 512 x 600`,
      [
        { name: 'transformers', run: () => theirs.features(blobs()) },
        { name: 'pilotlight, resizer exact', run: predict(ours.features) },
      ],
      rounds,
    );
  }
}

async function prepareOnce(
  configuration: ImageConfiguration,
  model: TaskModel,
  picture: PredictInput,
): Promise<Tensor> {
  const input = pickInput(model, 'input', undefined);
  const images = await createImagePreprocessor(model, configuration, input, decoders);
  return images.stack([await images.prepare(picture)]);
}
