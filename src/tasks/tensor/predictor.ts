import { invalidRequest } from '../../errors.ts';
import { tensorOfValue } from '../../protocol/formats/json-value.ts';
import type { Tensor } from '../../protocol/tensor.ts';
import type { Prediction, Predictor, TaskModel } from '../predictor.ts';
import { definePredictor } from '../stage.ts';

/** Nested JSON arrays for each input of the model in, all outputs out. */
export function createTensorPredictor(model: TaskModel): Predictor {
  const outputs = model.outputs.map((output) => output.name);
  const names = new Set(model.inputs.map((input) => input.name));
  return definePredictor<Tensor[]>({
    task: 'tensor',
    prepare(input) {
      if (input.kind !== 'tensors') throw invalidRequest('input', 'tensors', input.kind);
      const { values } = input;
      const unknown = Object.keys(values).find((name) => !names.has(name));
      if (unknown !== undefined) {
        throw invalidRequest('inputs', `inputs ${[...names].join(', ')}`, `"${unknown}"`);
      }
      return model.inputs.map((metadata) =>
        tensorOfValue(values[metadata.name], metadata, `inputs.${metadata.name}`),
      );
    },
    async execute(prepared, _parameters, context) {
      const predictions: Prediction[] = [];
      for (const feeds of prepared) {
        predictions.push({ type: 'tensors', tensors: await context.run(feeds, outputs) });
      }
      return predictions;
    },
  });
}
