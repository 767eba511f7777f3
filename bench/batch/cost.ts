/**
 * What a record costs in jobs of 10,000, 100,000 and 1,000,000: processor time of the worker that plans and transforms,
 * and the job's own estimate of its price on AWS.
 *
 *     npm run bench -- batch/cost [HIDDEN]
 */
import * as v from 'valibot';
import { formatNpy } from '../../src/protocol/formats/npy.ts';
import { startLaptop } from '../../test/batch/laptop.ts';
import { denseModel } from '../../test/support/onnx-model.ts';
import { median } from '../measure.ts';
import { cpuMsOf, pinSelf } from './parts/cores.ts';
import { runJob, startWorker } from './parts/jobs.ts';

const sizes = [10_000, 100_000, 1_000_000];
/** So many records are worked on of each size at least: jobs of a second differ, and the median of several is told. */
const recordsOfSize = 50_000;
const width = 30;
/** Some 90 microseconds a record with layers of 2,048: of a smaller model the job itself is much of what 10,000 records cost. */
const hidden = Number(process.argv[2] ?? 2_048);
const model = denseModel([width, hidden, hidden, 2]);
const timingSchema = v.object({
  estimatedCost: v.object({ lambda: v.number(), sqs: v.number(), s3: v.number() }),
});

pinSelf();
const laptop = await startLaptop({ visibilityTimeoutSeconds: 60 });
const worker = startWorker(laptop);
try {
  await laptop.models.put('dense/1/model.onnx', model);
  const some = Float32Array.from({ length: 10_000 * width }, (_, index) => Math.sin(index));
  const submit = async (records: number, name: string) => {
    const data = new Float32Array(records * width);
    for (let start = 0; start < data.length; start += some.length) data.set(some, start);
    const key = `data/${name}.npy`;
    const shape = [records, width];
    await laptop.jobs.put(key, formatNpy({ datatype: 'FP32', shape, data }));
    return runJob(laptop, 'dense', { input: { key } }, `in/${name}.job.json`);
  };
  // The first job loads the model and measures its micro-batch, as any environment does once.
  await submit(20_000, 'first');
  console.log(
    '   records      seconds   processor time of a record   estimate for a million records: Lambda, SQS, S3',
  );
  for (const records of sizes) {
    const runs: { readonly seconds: number; readonly cpuUs: number; readonly dollars: number[] }[] =
      [];
    for (let job = 0; job * records < recordsOfSize; job++) {
      const beforeMs = cpuMsOf(worker.pid ?? 0);
      const { seconds, timingKey } = await submit(records, `size-${records}-${job}`);
      const cpuUs = ((cpuMsOf(worker.pid ?? 0) - beforeMs) / records) * 1_000;
      const timing = await laptop.results.get(timingKey);
      const document: unknown = JSON.parse(Buffer.from(timing?.body ?? []).toString());
      const { lambda, sqs, s3 } = v.parse(timingSchema, document).estimatedCost;
      const dollars = [lambda, sqs, s3].map((cost) => (cost / records) * 1e6);
      runs.push({ seconds, cpuUs, dollars });
    }
    const dollars = [0, 1, 2].map((part) => median(runs.map((run) => run.dollars[part] ?? 0)));
    console.log(
      `${String(records).padStart(10)}${median(runs.map(({ seconds }) => seconds))
        .toFixed(2)
        .padStart(13)}${median(runs.map(({ cpuUs }) => cpuUs))
        .toFixed(1)
        .padStart(26)} us   ${dollars.map((part) => part.toFixed(5).padStart(10)).join('')} USD`,
    );
  }
} finally {
  worker.kill('SIGKILL');
  await laptop.close();
}
