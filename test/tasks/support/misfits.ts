import * as v from 'valibot';
import { expect, test } from 'vitest';
import { taskConfigurationSchema } from '../../../src/models/task-configuration.ts';
import type { TensorMetadata } from '../../../src/protocol/tensor.ts';
import { createPredictor } from '../../../src/tasks/create.ts';
import type { Predictor } from '../../../src/tasks/predictor.ts';
import { decoders } from './models.ts';

/** What is known of a model when its task is made. */
export interface Model {
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  readonly labels?: readonly string[];
  /** Text files beside the model, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

export function tensor(
  name: string,
  shape: readonly number[],
  datatype: TensorMetadata['datatype'] = 'FP32',
): TensorMetadata {
  return { name, shape, datatype };
}

/** Makes the task that a configuration declares for a model. */
export function create(
  task: object,
  { inputs, outputs, labels = [], files = {} }: Model,
): Promise<Predictor> {
  const readFile = async (name: string) => files[name];
  const configuration = v.parse(taskConfigurationSchema, task);
  return createPredictor(configuration, { name: 'm', inputs, outputs, labels, readFile }, decoders);
}

/** What does not fit: in words, the task, the model, and how the message names the field. */
export type Misfit = readonly [what: string, task: object, model: Model, message: RegExp];

/** A test for each: it is refused while the model is loaded, with the field named. */
export function testMisfits(misfits: readonly Misfit[]): void {
  test.each(misfits)('%s', async (_, task, model, message) => {
    await expect(create(task, model)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: expect.stringMatching(message),
    });
  });
}
