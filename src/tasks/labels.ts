import type { Activation } from '../models/task/common.ts';
import { misconfigured } from './binding.ts';
import { parseJson } from './json.ts';
import type { LabelScore, TaskModel } from './predictor.ts';

/** id2label of a Hugging Face config.json, in the order of the ids; undefined when the file or the field is not there. */
async function huggingFaceLabels(model: TaskModel): Promise<readonly string[] | undefined> {
  const text = await model.readFile('config.json');
  if (text === undefined) return undefined;
  const document = parseJson(text);
  if (typeof document !== 'object' || document === null || !('id2label' in document)) {
    return undefined;
  }
  const map = document.id2label;
  if (typeof map !== 'object' || map === null) return undefined;
  const byId = new Map(Object.entries(map).map(([id, label]) => [Number(id), String(label)]));
  const inOrder = Array.from({ length: byId.size }, (_, id) => byId.get(id));
  return inOrder.every((label) => label !== undefined) ? inOrder : undefined;
}

/**
 * Names of the classes: from the configuration, from labels.txt, from a Hugging Face config.json, in this order; where there
 * is none, `LABEL_0`, `LABEL_1`, ... as Hugging Face calls them.
 *
 * @param count classes that the model's output has; -1 when it does not say
 * @throws ServingError MODEL_UNAVAILABLE when there are not as many names as classes
 */
export async function resolveLabels(
  model: TaskModel,
  configured: readonly string[] | undefined,
  count: number,
): Promise<LabelNames> {
  const named =
    configured ??
    (model.labels.length > 0 ? model.labels : undefined) ??
    (await huggingFaceLabels(model));
  if (named !== undefined && count >= 0 && named.length !== count) {
    throw misconfigured(
      model,
      'labels',
      `${count} labels, one for each class of the output`,
      `${named.length}`,
    );
  }
  return { named, at: (index) => named?.[index] ?? `LABEL_${index}` };
}

export interface LabelNames {
  /** undefined when the names are made up. */
  readonly named: readonly string[] | undefined;
  at(index: number): string;
}

/** Applies the activation to one row of raw outputs, in place. Softmax subtracts the maximum first. */
export function activate(row: Float32Array, activation: Activation): Float32Array {
  if (activation === 'sigmoid') {
    for (let i = 0; i < row.length; i += 1) row[i] = sigmoid(row[i] ?? 0);
  }
  if (activation === 'softmax') softmax(row);
  return row;
}

export function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

function softmax(row: Float32Array): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (const value of row) if (value > highest) highest = value;
  let sum = 0;
  for (let i = 0; i < row.length; i += 1) {
    const power = Math.exp((row[i] ?? 0) - highest);
    row[i] = power;
    sum += power;
  }
  for (let i = 0; i < row.length; i += 1) row[i] = (row[i] ?? 0) / sum;
}

/** The `k` best labels, best first; of equal scores the lower index first. */
export function topLabels(scores: Float32Array, labels: LabelNames, k: number): LabelScore[] {
  const order = Uint32Array.from(scores.keys());
  order.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
  return Array.from(order.subarray(0, k), (index) => ({
    label: labels.at(index),
    score: scores[index] ?? 0,
  }));
}
