import type { TaskOf } from '../../models/task-configuration.ts';
import { misconfigured, pickOutput, requireDatatype, requireRank } from '../binding.ts';
import { activate, type LabelNames, resolveLabels, topLabels } from '../labels.ts';
import type { LabelScore, Predictor, TaskModel } from '../predictor.ts';
import { definePredictor } from '../stage.ts';
import { outputNamed, rowsOf } from '../tensors.ts';
import { createRowEncoder } from './columns.ts';

/** Outputs of estimators: real numbers, or whole ones from a regressor of counts. */
const numeric = ['FP32', 'FP64', 'FP16', 'INT64', 'INT32'] as const;

/**
 * What rows become, and the output that has so many values for each of them; -1 where the model does not say.
 *
 * @param values what they are, for the message that the output does not fit
 */
function bindTable(
  { columns, output: name }: TaskOf<'tabular-classification' | 'tabular-regression'>,
  model: TaskModel,
  values: string,
) {
  const rows = createRowEncoder(columns, model);
  const output = pickOutput(model, 'output', name);
  requireDatatype(model, 'output', output, numeric);
  requireRank(model, 'output', output, [['rows', values], ['rows']]);
  const width = output.shape.length === 1 ? 1 : (output.shape[1] ?? -1);
  return { rows, output, width };
}

/** A row in, its labels out, the answer first. */
export async function createTabularClassifier(
  configuration: TaskOf<'tabular-classification'>,
  model: TaskModel,
): Promise<Predictor> {
  const { rows, output, width } = bindTable(configuration, model, 'classes');
  // One value a row is the probability of the second of two labels.
  const labels = await resolveLabels(model, configuration.labels, width === 1 ? 2 : width);
  const { activation } = configuration;
  if (width === 1 && activation === 'softmax') {
    throw misconfigured(model, 'activation', 'sigmoid or none for one value a row', 'softmax');
  }

  return definePredictor({
    task: configuration.type,
    prepare: rows.encode,
    async execute(prepared, parameters, context) {
      const outputs = await context.run(rows.stack(prepared), [output.name]);
      const threshold = parameters.threshold ?? configuration.threshold;
      return rowsOf(outputNamed(outputs, output.name), prepared.length).map((row) => {
        const scores = activate(row, activation);
        const best = rank(scores, labels, threshold);
        return { type: 'labels', labels: best.slice(0, parameters.topK ?? best.length) };
      });
    },
  });
}

/** Labels, the answer first: for two of them what the threshold says, else the most probable. */
function rank(scores: Float32Array, labels: LabelNames, threshold: number): LabelScore[] {
  const positive = scores.length === 1 ? scores[0] : scores.length === 2 ? scores[1] : undefined;
  if (positive === undefined) return topLabels(scores, labels, scores.length);
  const second = { label: labels.at(1), score: positive };
  const first = {
    label: labels.at(0),
    score: scores.length === 1 ? 1 - positive : (scores[0] ?? 0),
  };
  return positive >= threshold ? [second, first] : [first, second];
}

/** A row in, a number or several named ones out. */
export async function createTabularRegressor(
  configuration: TaskOf<'tabular-regression'>,
  model: TaskModel,
): Promise<Predictor> {
  const { rows, output, width } = bindTable(configuration, model, 'targets');
  const { targets } = configuration;
  if (width >= 0 && (targets?.length ?? 1) !== width) {
    throw misconfigured(
      model,
      'targets',
      `${width} names, one for each value of ${output.name}`,
      `${targets?.length ?? 'none'}`,
    );
  }

  return definePredictor({
    task: configuration.type,
    prepare: rows.encode,
    async execute(prepared, _parameters, context) {
      const outputs = await context.run(rows.stack(prepared), [output.name]);
      return rowsOf(outputNamed(outputs, output.name), prepared.length).map((row) => ({
        type: 'values',
        values:
          targets === undefined
            ? (row[0] ?? 0)
            : Object.fromEntries(targets.map((name, index) => [name, row[index] ?? 0])),
      }));
    },
  });
}
