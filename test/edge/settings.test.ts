import { availableParallelism } from 'node:os';
import { expect, it } from 'vitest';
import { parseModelSettings } from '../../src/edge/settings.ts';

function settingsWith(memoryMB: number) {
  return parseModelSettings({
    PILOTLIGHT_MODELS_BUCKET: 'models',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: `${memoryMB}`,
  });
}

it.each([
  [128, 1],
  [1_769, 1],
  [3_537, 1],
  [3_538, 2],
  [5_307, 3],
  [10_240, 5],
])(
  '%i MB of memory buy %i whole virtual CPUs, of which each that is there has a thread',
  (memoryMB, virtualCpus) => {
    expect(settingsWith(memoryMB).intraOpThreads).toBe(
      Math.min(virtualCpus, availableParallelism()),
    );
  },
);

it('the memory of the function is what models are fitted into', () => {
  expect(settingsWith(1_024).memoryBytes).toBe(1_024 * 1_024 * 1_024);
});
