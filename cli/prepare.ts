import { join } from 'node:path';
import { modelFileName } from '../src/contract/keys.ts';
import type { ModelSource } from './source-files.ts';

/** ONNX writes weights of this size or more into the file beside the model. */
const externalFromBytes = '1024';

/**
 * Lets ONNX Runtime write what it would otherwise work out at each load: `model.onnx` in the folder, with its weights
 * beside it where the source has them so.
 */
export async function prepareArtefact(source: ModelSource, folder: string): Promise<void> {
  // Only this needs ONNX Runtime, and loading it takes a moment.
  const { InferenceSession } = await import('onnxruntime-node');
  const session = await InferenceSession.create(source.modelPath, {
    graphOptimizationLevel: 'all',
    optimizedModelFilePath: join(folder, modelFileName),
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    // 4: the warning that such an artefact is for this kind of machine alone is what the target says.
    logSeverityLevel: 4,
    // Without it the artefact would look for the source's weights, relative to a folder where they are not.
    ...(source.external.length === 0 ? {} : { extra: externalWeights }),
  });
  await session.release();
}

const externalWeights = {
  session: {
    optimized_model_external_initializers_file_name: `${modelFileName}.data`,
    optimized_model_external_initializers_min_size_in_bytes: externalFromBytes,
  },
};
