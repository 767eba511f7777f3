import type { TaskOf } from '../../models/task-configuration.ts';
import { misconfigured, requireRank } from '../binding.ts';
import { activate, type LabelNames, resolveLabels } from '../labels.ts';
import type { MediaDecoders } from '../ports.ts';
import type { Predictor, Segment, TaskModel } from '../predictor.ts';
import { outputNamed, rowsOf } from '../tensors.ts';
import type { Geometry } from './geometry.ts';
import { classMap, type ScoreMap, scaleMap } from './maps.ts';
import { bindPicture, createPicturePredictor } from './picture-predictor.ts';

type Configuration = TaskOf<'image-segmentation'>;

/** A picture in, one mask a label out, as large as the picture that was sent. */
export async function createImageSegmenter(
  configuration: Configuration,
  model: TaskModel,
  decoders: MediaDecoders,
): Promise<Predictor> {
  const { input, output } = bindPicture(model, configuration);
  const planes = configuration.outputLayout === 'nchw';
  requireRank(model, 'output', output, [
    planes ? ['rows', 'classes', 'height', 'width'] : ['rows', 'height', 'width', 'classes'],
  ]);
  const classAxis = planes ? 1 : 3;
  const classes = output.shape[classAxis] ?? -1;
  if (classes === 1 && configuration.activation === 'softmax') {
    throw misconfigured(model, 'activation', 'sigmoid or none for one class', 'softmax');
  }
  const labels = await resolveLabels(model, configuration.labels, classes);

  return createPicturePredictor(configuration, model, decoders, {
    input,
    outputs: [output.name],
    answer(outputs, pictures, parameters) {
      const tensor = outputNamed(outputs, output.name);
      const rows = rowsOf(tensor, pictures.length);
      const map = {
        classes: tensor.shape[classAxis] ?? 1,
        height: tensor.shape[planes ? 2 : 1] ?? 1,
        width: tensor.shape[planes ? 3 : 2] ?? 1,
        planes,
      };
      return pictures.map(({ geometry }, index) => {
        const scores: ScoreMap = { ...map, data: rows[index] ?? new Float32Array() };
        const segments =
          scores.classes === 1
            ? [oneClass(scores, geometry, configuration, labels, parameters.threshold)]
            : manyClasses(scores, geometry, configuration, labels);
        return { type: 'segments', segments };
      });
    },
  });
}

function oneClass(
  map: ScoreMap,
  geometry: Geometry,
  configuration: Configuration,
  labels: LabelNames,
  asked: number | undefined,
): Segment {
  activate(map.data, configuration.activation);
  const scaled = scaleMap(map, geometry);
  const threshold = asked ?? configuration.threshold;
  const mask = new Uint8Array(scaled.length);
  let sum = 0;
  let inside = 0;
  for (let i = 0; i < scaled.length; i += 1) {
    const score = scaled[i] ?? 0;
    mask[i] = Math.min(255, Math.max(0, Math.round(score * 255)));
    if (score >= threshold) {
      sum += score;
      inside += 1;
    }
  }
  return {
    index: 0,
    label: labels.at(0),
    score: inside === 0 ? 0 : sum / inside,
    mask: {
      width: geometry.sourceWidth,
      height: geometry.sourceHeight,
      channels: 1,
      data: mask,
    },
  };
}

function manyClasses(
  map: ScoreMap,
  geometry: Geometry,
  configuration: Configuration,
  labels: LabelNames,
): Segment[] {
  const { indices, means } = classMap(map, geometry, configuration.activation);
  const present = [...new Set(indices)].sort((a, b) => a - b);
  return present.flatMap((index) => {
    const label = labels.at(index);
    if (configuration.ignoreLabels.includes(label)) return [];
    const data = new Uint8Array(indices.length);
    let pixels = 0;
    for (let i = 0; i < indices.length; i += 1) {
      if (indices[i] === index) {
        data[i] = 255;
        pixels += 1;
      }
    }
    if (pixels === 0) return [];
    const { sourceWidth: width, sourceHeight: height } = geometry;
    return [
      { index, label, score: means.get(index) ?? 0, mask: { width, height, channels: 1, data } },
    ];
  });
}
