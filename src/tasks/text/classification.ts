import type { TaskOf } from '../../models/task-configuration.ts';
import { pickOutput, requireDatatype, requireRank } from '../binding.ts';
import { activate, resolveLabels, topLabels } from '../labels.ts';
import type { MediaDecoders } from '../ports.ts';
import type { Predictor, TaskModel } from '../predictor.ts';
import { definePredictor } from '../stage.ts';
import { outputNamed, realDatatypes, rowsOf } from '../tensors.ts';
import { createTextEncoder } from './encoder.ts';
import { textOf } from './input.ts';
import { runTexts } from './run.ts';

/** A text in, the best labels out. */
export async function createTextClassifier(
  configuration: TaskOf<'text-classification'>,
  model: TaskModel,
  decoders: MediaDecoders,
): Promise<Predictor> {
  const output = pickOutput(model, 'output', configuration.output);
  requireDatatype(model, 'output', output, realDatatypes);
  requireRank(model, 'output', output, [['texts', 'classes']]);
  const labels = await resolveLabels(model, configuration.labels, output.shape[1] ?? -1);
  const encoder = await createTextEncoder(configuration.tokenizer, model, decoders);

  return definePredictor({
    task: configuration.type,
    prepare: (input) => encoder.encode(textOf(input)),
    execute: (texts, parameters, context) =>
      runTexts(encoder, texts, output.name, context, (outputs, group) =>
        rowsOf(outputNamed(outputs, output.name), group.length).map((row) => ({
          type: 'labels',
          labels: topLabels(
            activate(row, configuration.activation),
            labels,
            parameters.topK ?? configuration.topK,
          ),
        })),
      ),
  });
}
