import { join } from 'node:path';
import { modelFileName } from '../src/contract/keys.ts';
import { UsageError } from './usage-error.ts';

/**
 * Weights of a KiB or more lie in a file of their own: ONNX Runtime maps that into memory, where it would parse and copy
 * what the model file holds. It can write its kernels' own layouts too (`save_external_prepacked_constant_initializers`),
 * but version 1.30 crashes on some models that it wrote so.
 */
const weightsBeside = {
  session: {
    optimized_model_external_initializers_file_name: `${modelFileName}.data`,
    optimized_model_external_initializers_min_size_in_bytes: '1024',
  },
};

/**
 * Lets ONNX Runtime write what it would otherwise work out at each load: `model.onnx` in the folder, and its weights
 * beside it.
 *
 * @throws UsageError with ONNX Runtime's words for a model that it refuses
 */
export async function prepareArtefact(modelPath: string, folder: string): Promise<void> {
  // Only this needs ONNX Runtime, and loading it takes a moment.
  const { InferenceSession } = await import('onnxruntime-node');
  const session = await InferenceSession.create(modelPath, {
    graphOptimizationLevel: 'all',
    optimizedModelFilePath: join(folder, modelFileName),
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    // 4: the warning that such an artefact is for this kind of machine alone is what the target says.
    logSeverityLevel: 4,
    extra: weightsBeside,
  }).catch((cause: Error) => {
    throw new UsageError(`${modelPath}: ONNX Runtime refuses it: ${cause.message}`);
  });
  await session.release();
}
