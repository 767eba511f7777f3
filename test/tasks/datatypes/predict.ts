import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { createSessionFactory } from '../../../src/adapters/onnxruntime/session-factory.ts';
import { taskConfigurationSchema } from '../../../src/models/task-configuration.ts';
import { createPredictor } from '../../../src/tasks/create.ts';
import {
  defaultParameters,
  type PredictInput,
  type Prediction,
} from '../../../src/tasks/predictor.ts';
import { encodeModel, type Graph, type Initializer } from '../../support/onnx-protobuf.ts';
import { decoders, repository } from '../support/models.ts';

/** The tokenizer of every model here that declares one. */
export const tokenizerPath = join(repository, 'examples/models/word-mean-64/1/tokenizer.json');

/** What a model whose inputs, weights or outputs are halves or quantised makes of raw inputs. */
export async function predict(
  graph: Graph,
  task: v.InferInput<typeof taskConfigurationSchema>,
  inputs: readonly PredictInput[],
): Promise<Prediction[]> {
  const folder = await mkdtemp(join(tmpdir(), 'pilotlight-datatypes-'));
  const path = join(folder, 'model.onnx');
  await writeFile(path, encodeModel(graph));
  const options = { intraOpThreads: 1, graphOptimization: 'all' } as const;
  const session = await createSessionFactory()
    .create(path, options)
    .finally(() => rm(folder, { recursive: true }));
  try {
    const model = {
      name: 'm',
      inputs: session.inputs,
      outputs: session.outputs,
      labels: [],
      readFile: async (file: string) =>
        file === 'tokenizer.json' ? await readFile(tokenizerPath, 'utf8') : undefined,
    };
    const predictor = await createPredictor(
      v.parse(taskConfigurationSchema, task),
      model,
      decoders,
    );
    return await predictor.predict(inputs, defaultParameters, {
      maxBatchSize: 8,
      run: (feeds, outputs) => session.run(feeds, outputs),
      withModel: () => Promise.reject(new Error('no other models')),
    });
  } finally {
    await session.release();
  }
}

const bytesOf = (values: ArrayBufferView) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
/** An initializer of these bytes. */
export const constant = (
  name: string,
  datatype: Initializer['datatype'],
  shape: readonly number[],
  values: ArrayBufferView,
): Initializer => ({ name, datatype, shape, raw: bytesOf(values) });
