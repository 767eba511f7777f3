import type { TaskOf } from '../../models/task-configuration.ts';
import { pickOutput, requireDatatype, requireRank } from '../binding.ts';
import type { MediaDecoders } from '../ports.ts';
import type { Predictor, TaskModel } from '../predictor.ts';
import { definePredictor } from '../stage.ts';
import { outputNamed, realDatatypes, rowsOf } from '../tensors.ts';
import { normaliseLength } from '../vectors.ts';
import { createTextEncoder } from './encoder.ts';
import { textOf } from './input.ts';
import { runTexts } from './run.ts';

type Configuration = TaskOf<'feature-extraction'>;

/** A text in, one vector out. */
export async function createTextFeatureExtractor(
  configuration: Configuration,
  model: TaskModel,
  decoders: MediaDecoders,
): Promise<Predictor> {
  const { pooling, normalise } = configuration;
  const output = pickOutput(model, 'output', configuration.output);
  requireDatatype(model, 'output', output, realDatatypes);
  requireRank(model, 'output', output, [
    pooling === 'none' ? ['texts', 'size'] : ['texts', 'tokens', 'size'],
  ]);
  const encoder = await createTextEncoder(configuration.tokenizer, model, decoders);

  return definePredictor({
    task: configuration.type,
    prepare: (input) => encoder.encode(textOf(input)),
    execute: (texts, _parameters, context) =>
      runTexts(encoder, texts, output.name, context, (outputs, group) => {
        const tensor = outputNamed(outputs, output.name);
        const size = tensor.shape.at(-1) ?? 0;
        return rowsOf(tensor, group.length).map((row, index) => {
          const vector = pool(row, size, group[index]?.ids.length ?? 0, pooling);
          if (normalise) normaliseLength(vector);
          return { type: 'embedding', values: vector, shape: [vector.length] };
        });
      }),
  });
}

/**
 * One vector from [tokens, size].
 *
 * @param tokens how many of them are no padding
 */
export function pool(
  row: Float32Array,
  size: number,
  tokens: number,
  pooling: Configuration['pooling'],
): Float32Array {
  if (pooling === 'none') return row;
  const vector = row.slice(0, size);
  if (pooling === 'cls') return vector;
  for (let at = size; at < tokens * size; at += size) {
    for (let i = 0; i < size; i += 1) {
      const value = row[at + i] ?? 0;
      const so = vector[i] ?? 0;
      vector[i] = pooling === 'max' ? Math.max(so, value) : so + value;
    }
  }
  if (pooling === 'mean') {
    for (let i = 0; i < size; i += 1) vector[i] = (vector[i] ?? 0) / Math.max(tokens, 1);
  }
  return vector;
}
