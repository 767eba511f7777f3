import type { TaskOf } from '../../models/task-configuration.ts';
import type { TensorMetadata } from '../../protocol/tensor.ts';
import {
  misconfigured,
  pickInput,
  pickOutput,
  requireAllFed,
  requireDatatype,
  requireRank,
} from '../binding.ts';
import { type LabelNames, resolveLabels } from '../labels.ts';
import type { MediaDecoders } from '../ports.ts';
import type { Detection, Predictor, TaskModel } from '../predictor.ts';
import { outputNamed, realDatatypes, rowsOf } from '../tensors.ts';
import { anchorCenters, decodeBoxes, type RawDetections } from './boxes.ts';
import { type Geometry, sourceX, sourceY } from './geometry.ts';
import { type Candidate, suppress } from './nms.ts';
import { createPicturePredictor } from './picture-predictor.ts';

type Configuration = TaskOf<'object-detection'>;

/** Candidates that suppression looks at: the best ones, so that a threshold of 0 stays affordable. */
const maxCandidates = 10_000;

/** A picture in, labelled boxes out, in pixels of the picture that was sent. */
export async function createObjectDetector(
  configuration: Configuration,
  model: TaskModel,
  decoders: MediaDecoders,
): Promise<Predictor> {
  const input = pickInput(model, 'input', configuration.input);
  requireAllFed(model, [input.name]);
  const boxes = pickOutput(model, 'boxes', configuration.boxes);
  const scores = pickOutput(model, 'scores', configuration.scores);
  const classes =
    configuration.classes === undefined
      ? undefined
      : pickOutput(model, 'classes', configuration.classes);
  checkOutputs(model, configuration, boxes, scores);
  const labels = await resolveLabels(
    model,
    configuration.labels,
    classes === undefined ? classCount(configuration, scores) : -1,
  );
  const names = [...new Set([boxes, scores, classes].flatMap((output) => output?.name ?? []))];
  const { anchors } = configuration;

  return createPicturePredictor(configuration, model, decoders, {
    input,
    outputs: names,
    answer(outputs, pictures, parameters) {
      const rows = (name: string) => rowsOf(outputNamed(outputs, name), pictures.length);
      const boxRows = rows(boxes.name);
      const scoreRows = rows(scores.name);
      const classRows = classes === undefined ? undefined : rows(classes.name);
      const count = boxCount(configuration, outputNamed(outputs, boxes.name).shape);
      const threshold = parameters.threshold ?? configuration.threshold;
      return pictures.map(({ geometry }, index) => {
        const raw = {
          boxes: boxRows[index] ?? new Float32Array(),
          scores: scoreRows[index] ?? new Float32Array(),
          classes: classRows?.[index],
          count,
          width: geometry.tensorWidth,
          height: geometry.tensorHeight,
        };
        const whole: RawDetections = {
          ...raw,
          boxValues: raw.boxes.length / Math.max(1, count),
          scoreValues: raw.scores.length / Math.max(1, count),
        };
        const centers =
          anchors && anchorCenters(anchors, geometry.tensorWidth, geometry.tensorHeight);
        const found = decodeBoxes(whole, configuration, centers, threshold);
        const kept =
          configuration.nms === undefined
            ? found.slice(0, configuration.maxDetections)
            : suppress(
                found.slice(0, maxCandidates),
                configuration.nms,
                configuration.maxDetections,
              );
        return {
          type: 'detections',
          detections: kept.map((candidate) => toDetection(candidate, geometry, labels)),
        };
      });
    },
  });
}

function toDetection(candidate: Candidate, geometry: Geometry, labels: LabelNames): Detection {
  const x = (value: number) => clamp(sourceX(geometry, value), geometry.sourceWidth);
  const y = (value: number) => clamp(sourceY(geometry, value), geometry.sourceHeight);
  return {
    label: labels.at(candidate.classIndex),
    score: candidate.score,
    box: {
      xmin: x(candidate.xmin),
      ymin: y(candidate.ymin),
      xmax: x(candidate.xmax),
      ymax: y(candidate.ymax),
    },
  };
}

function clamp(value: number, highest: number): number {
  return Math.min(Math.max(value, 0), highest);
}

function boxCount(configuration: Configuration, shape: readonly number[]): number {
  return shape[configuration.arrangement === 'rows' ? 1 : 2] ?? 0;
}

/** Classes that have labels; -1 when the model does not say. */
function classCount(configuration: Configuration, scores: TensorMetadata): number {
  if (scores.shape.length === 2) return 1;
  const values = scores.shape[configuration.arrangement === 'rows' ? 2 : 1] ?? -1;
  if (values < 0) return -1;
  const combined = configuration.boxes === configuration.scores;
  const box = combined ? 4 + (configuration.objectness ? 1 : 0) : 0;
  return values - box - (configuration.background === 'none' ? 0 : 1);
}

function checkOutputs(
  model: TaskModel,
  configuration: Configuration,
  boxes: TensorMetadata,
  scores: TensorMetadata,
): void {
  requireDatatype(model, 'boxes', boxes, realDatatypes);
  requireDatatype(model, 'scores', scores, realDatatypes);
  requireRank(model, 'boxes', boxes, [['rows', 'boxes', 'values']]);
  requireRank(model, 'scores', scores, [
    ['rows', 'boxes', 'classes'],
    ['rows', 'boxes'],
  ]);
  const { anchors, boxFormat, objectness } = configuration;
  if (objectness && boxes.name !== scores.name) {
    throw misconfigured(model, 'objectness', 'false when boxes and scores are two outputs', 'true');
  }
  if (anchors === undefined) return;
  if (anchors.strides.length !== anchors.anchorsPerPoint.length) {
    throw misconfigured(
      model,
      'anchors.anchorsPerPoint',
      `${anchors.strides.length} numbers, one for each stride`,
      `${anchors.anchorsPerPoint.length}`,
    );
  }
  if (boxFormat !== 'cxcywh') {
    throw misconfigured(model, 'boxFormat', 'cxcywh with anchors', boxFormat);
  }
}
