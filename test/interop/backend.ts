/**
 * `npm run test:backend`: the ONNX backend test data through the HTTP of a laptop cloud, against bare onnxruntime-node.
 * Needs Python 3.11 or newer with `venv`, and PyPI once.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCases } from './backend-cases.ts';
import { bareOutcomes } from './bare-outcomes.ts';
import { pythonEnvironment, spawned } from './python.ts';
import { withTemporaryCloud } from './temporary-cloud.ts';

const program = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const python = await pythonEnvironment();
const folder = mkdtempSync(join(tmpdir(), 'pilotlight-backend-'));
const files = {
  cases: join(folder, 'cases.json'),
  tensors: join(folder, 'tensors.bin'),
  outputs: join(folder, 'bare.bin'),
};

try {
  if ((await spawned(python, [program('backend_export.py'), folder])) !== 0) process.exit(1);
  const cases = readCases(files.cases);
  console.log(`running ${cases.length} cases on bare onnxruntime-node`);
  const outcomes = await bareOutcomes(cases.length, files);
  writeFileSync(join(folder, 'bare.json'), JSON.stringify(outcomes));
  process.exitCode = await withTemporaryCloud(
    // One environment, so that one that is killed shows.
    { limits: { environmentLimit: 1 } },
    async (cloud) => {
      console.log('publishing the models');
      await cloud.publish(
        new Map(cases.map(({ name, model }) => [`${name}/1/model.onnx`, readFileSync(model)])),
      );
      console.log('sending the cases through HTTP');
      const host = new URL(cloud.urls.api).host;
      return spawned(python, [program('backend_client.py'), host, folder]);
    },
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
