/**
 * `npm run test:interop`: pyarrow reads merged tables, and Triton's own Python client calls a running laptop cloud.
 * Needs Python 3.11 or newer with `venv`, and PyPI once.
 */
import { fileURLToPath } from 'node:url';
import { interopModels } from './models.ts';
import { checkMergedParquet } from './parquet.ts';
import { pythonEnvironment, spawned } from './python.ts';
import { withTemporaryCloud } from './temporary-cloud.ts';

const python = await pythonEnvironment();
const parquetCode = await checkMergedParquet(python);
const clientCode = await withTemporaryCloud({}, async (cloud) => {
  await cloud.publish(interopModels());
  const program = fileURLToPath(new URL('triton_client.py', import.meta.url));
  return spawned(python, [program, new URL(cloud.urls.api).host]);
});
process.exitCode = parquetCode === 0 ? clientCode : parquetCode;
