/**
 * `npm run test:interop`: Triton's own Python client against a running laptop cloud.
 * Needs Python 3.11 or newer with `venv`, and PyPI once.
 */
import { fileURLToPath } from 'node:url';
import { interopModels } from './models.ts';
import { pythonEnvironment, spawned } from './python.ts';
import { withTemporaryCloud } from './temporary-cloud.ts';

const python = await pythonEnvironment();
process.exitCode = await withTemporaryCloud({}, async (cloud) => {
  await cloud.publish(interopModels());
  const program = fileURLToPath(new URL('triton_client.py', import.meta.url));
  return spawned(python, [program, new URL(cloud.urls.api).host]);
});
