import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalModels } from '../support/local-models.ts';
import { addConstant } from '../support/onnx-model.ts';
import { runSeed } from './simulated-jobs.ts';

/** More in the nightly script. */
const seeds = Number(process.env['PILOTLIGHT_SEEDS'] ?? 60);

describe('a job whose processes die between any two calls', () => {
  const models = new LocalModels();

  beforeAll(async () => {
    await models.add('adder', addConstant('FP32', [-1, 2], 10));
  });
  afterAll(async () => {
    await models.close();
  });

  it('comes to the bytes of the faultless run, whatever the seed', async () => {
    const total: Record<string, number> = {};
    for (let seed = 1; seed <= seeds; seed++) {
      const { faulty, faultless, counts } = await runSeed(seed, models);
      expect(Object.fromEntries(faulty), `seed ${seed}`).toEqual(Object.fromEntries(faultless));
      for (const [fault, count] of Object.entries(counts)) {
        total[fault] = (total[fault] ?? 0) + count;
      }
    }
    console.log(`${seeds} seeds survived`, total);
    expect(models.leased).toBe(0);
    for (const count of Object.values(total)) expect(count).toBeGreaterThan(0);
  }, 600_000);
});
