import { expect, it } from 'vitest';
import { heavyModel } from '../support/onnx-model.ts';
import { loadMemoryOf } from './load-memory.ts';

/** Models whose weights ONNX Runtime lays out anew take more: `npm run bench -- serving/load-memory`. */
it('a prepared model takes at most 1.3 times its size while it is loaded', async () => {
  const { peakMiB } = await loadMemoryOf(heavyModel(64), true);
  expect(peakMiB).toBeLessThan(1.3 * 64);
});
