import { loadMemoryOf } from '../../test/edge/load-memory.ts';
import { denseModel, heavyModel } from '../../test/support/onnx-model.ts';
import { printTable } from '../measure.ts';
import { mobileNet, resNet18 } from './models/convolutional.ts';

/**
 * The memory that loading a model takes at its peak and after, in times its size: downloaded from the laptop's S3,
 * checked, written to disk and made a session, in a process of its own. Linux alone. Run: npm run bench -- serving/load-memory
 */
const bytesPerMiB = 1024 * 1024;
const models = [
  ['a table that is looked up in, 128 MiB', heavyModel(128)],
  ['MobileNetV2', mobileNet()],
  ['ResNet-18', resNet18()],
  ['perceptron of 3 matrices', denseModel([1024, 2560, 2560, 512])],
  ['perceptron of 3 larger ones', denseModel([1024, 7000, 6000, 512])],
] as const;

const rows: string[][] = [];
for (const [name, onnx] of models) {
  const sizeMiB = onnx.byteLength / bytesPerMiB;
  for (const prepare of [true, false]) {
    const memory = await loadMemoryOf(onnx, prepare);
    const times = (mib: number) => (mib / sizeMiB).toFixed(2);
    rows.push([
      `${name}, ${prepare ? 'prepared' : 'bare'}`,
      sizeMiB.toFixed(0),
      times(memory.peakMiB),
      times(memory.afterMiB),
      times(memory.afterAnonymousMiB),
    ]);
  }
}
printTable(['model', 'MiB', 'peak', 'after', 'of which anonymous'], rows);
