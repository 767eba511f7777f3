import type { TaskOf } from '../../models/task-configuration.ts';
import { requireRank } from '../binding.ts';
import { activate, resolveLabels, topLabels } from '../labels.ts';
import type { MediaDecoders } from '../ports.ts';
import type { Predictor, TaskModel } from '../predictor.ts';
import { outputNamed, rowsOf } from '../tensors.ts';
import { bindPicture, createPicturePredictor } from './picture-predictor.ts';

/** A picture in, the best labels out. */
export async function createImageClassifier(
  configuration: TaskOf<'image-classification'>,
  model: TaskModel,
  decoders: MediaDecoders,
): Promise<Predictor> {
  const { input, output } = bindPicture(model, configuration);
  requireRank(model, 'output', output, [['rows', 'classes']]);
  const labels = await resolveLabels(model, configuration.labels, output.shape[1] ?? -1);

  return createPicturePredictor(configuration, model, decoders, {
    input,
    outputs: [output.name],
    answer: (outputs, pictures, parameters) =>
      rowsOf(outputNamed(outputs, output.name), pictures.length).map((row) => ({
        type: 'labels',
        labels: topLabels(
          activate(row, configuration.activation),
          labels,
          parameters.topK ?? configuration.topK,
        ),
      })),
  });
}
