/**
 * A bare loop over `session.run`, the best that the same runtime can do on the same core: all rows are tensors in
 * memory, the micro-batch is the best of several sizes, nothing is read and nothing is written.
 *
 *     node bare-loop.ts MODEL ROWS DIMENSION...   prints {"rowsPerRun", "recordsPerSecond", "cpuMsPerRecord"}
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';

const [model = '', rowsText = '', ...dimensions] = process.argv.slice(2);
const rows = Number(rowsText);
const shape = dimensions.map(Number);
const width = shape.reduce((product, dimension) => product * dimension, 1);
const session = await InferenceSession.create(model, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
});
const [input = ''] = session.inputNames;
/** Rows are used again and again where they would not fit. */
const held = Math.min(rows, Math.max(128, Math.floor(2 ** 27 / width)));
const data = Float32Array.from({ length: held * width }, (_, index) => Math.sin(index));

async function run(rowsPerRun: number, count: number): Promise<number> {
  const startMs = performance.now();
  for (let done = 0; done < count; done += rowsPerRun) {
    const from = (done % (held - rowsPerRun + 1)) * width;
    const values = data.subarray(from, from + rowsPerRun * width);
    await session.run({ [input]: new Tensor('float32', values, [rowsPerRun, ...shape]) });
  }
  return (count / (performance.now() - startMs)) * 1_000;
}

await run(1, 2);
let rowsPerRun = 1;
let best = 0;
for (let size = 1; size <= 64; size *= 2) {
  const rate = Math.max(await run(size, size * 4), await run(size, size * 4));
  if (rate <= best * 1.02) continue;
  best = rate;
  rowsPerRun = size;
}
const before = process.cpuUsage();
const recordsPerSecond = await run(rowsPerRun, rows);
const { user, system } = process.cpuUsage(before);
const cpuMs = (user + system) / 1_000;
console.log(JSON.stringify({ rowsPerRun, recordsPerSecond, cpuMsPerRecord: cpuMs / rows }));
