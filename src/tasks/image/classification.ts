import type { TaskOf } from '../../models/task-configuration.ts';
import {
  largestBatch,
  pickInput,
  pickOutput,
  requireAllFed,
  requireDatatype,
  requireRank,
} from '../binding.ts';
import { activate, resolveLabels, topLabels } from '../labels.ts';
import type { MediaDecoders } from '../ports.ts';
import type { Predictor, TaskModel } from '../predictor.ts';
import { definePredictor } from '../stage.ts';
import { outputNamed, realDatatypes, rowsOf } from '../tensors.ts';
import { createImagePreprocessor } from './preprocess.ts';
import { runGrouped } from './run.ts';

/** A picture in, the best labels out. */
export async function createImageClassifier(
  configuration: TaskOf<'image-classification'>,
  model: TaskModel,
  decoders: MediaDecoders,
): Promise<Predictor> {
  const input = pickInput(model, 'input', configuration.input);
  const output = pickOutput(model, 'output', configuration.output);
  requireAllFed(model, [input.name]);
  requireDatatype(model, 'output', output, realDatatypes);
  requireRank(model, 'output', output, [['rows', 'classes']]);
  const labels = await resolveLabels(model, configuration.labels, output.shape[1] ?? -1);
  const images = await createImagePreprocessor(model, configuration.image, input, decoders.images);
  const limit = largestBatch(model, 'input', input);

  return definePredictor({
    task: configuration.type,
    accepts: 'image',
    prepare: images.prepare,
    execute: (prepared, parameters, context) =>
      runGrouped(images, prepared, limit, async (feed, group) => {
        const outputs = await context.run([feed], [output.name]);
        const rows = rowsOf(outputNamed(outputs, output.name), group.length);
        return rows.map((row) => ({
          type: 'labels',
          labels: topLabels(
            activate(row, configuration.activation),
            labels,
            parameters.topK ?? configuration.topK,
          ),
        }));
      }),
  });
}
