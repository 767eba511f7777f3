import { compileFunctions } from '../local/compile-functions.ts';
import { environmentVariables } from '../src/contract/environment.ts';

/** Runs while the image is built, in the image's own Node: `node compile.mjs <task root>`. */
await compileFunctions(
  process.argv[2] ?? '/var/task',
  process.env[environmentVariables.onnxRuntimeDir] ?? '/opt/onnxruntime',
);
