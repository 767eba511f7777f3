import * as v from 'valibot';
import {
  activationSchema,
  described,
  fraction,
  labels,
  requiredTensorName,
  tensorName,
  wholeNumber,
} from './common.ts';
import { edge, image } from './image.ts';

/** Anchors of a single-shot detector as MediaPipe lays them: a grid of points a layer, boxes of unit size. */
const anchorsSchema = v.strictObject({
  strides: described(
    'Distance of the grid’s points in input pixels, one a layer.',
    v.pipe(v.array(edge), v.minLength(1), v.maxLength(16)),
  ),
  anchorsPerPoint: described(
    'Anchors at each point of the layer with the same index.',
    v.pipe(v.array(wholeNumber(1, 64)), v.minLength(1), v.maxLength(16)),
  ),
});

export const objectDetectionSchema = v.strictObject({
  type: v.literal('object-detection'),
  input: tensorName,
  image,
  labels,
  boxes: described('Output with boxes: [1, boxes, 4 or more].', requiredTensorName),
  scores: described(
    'Output with scores: [1, boxes, classes] or [1, boxes]; the same name as `boxes` when the scores follow the box (YOLO).',
    requiredTensorName,
  ),
  classes: described(
    'Output with class numbers when `scores` has only the best score of each box.',
    tensorName,
  ),
  arrangement: described(
    'Of the outputs: [1, boxes, values], or `columns` for [1, values, boxes], as YOLOv8 exports.',
    v.optional(v.picklist(['rows', 'columns']), 'rows'),
  ),
  boxFormat: described(
    'What the four numbers of a box are: corners, or its middle or corner and size.',
    v.optional(v.picklist(['xyxy', 'cxcywh', 'xywh', 'yxyx']), 'xyxy'),
  ),
  coordinates: described(
    '`fraction` of the model’s input picture, or its `pixels`.',
    v.optional(v.picklist(['fraction', 'pixels']), 'fraction'),
  ),
  anchors: described(
    'Decode the boxes against these; they are then pixels of the input picture relative to an anchor.',
    v.optional(anchorsSchema),
  ),
  objectness: described(
    'YOLOv5 and YOLOX: the value between the box and the class scores, multiplied into them.',
    v.optional(v.boolean(), false),
  ),
  activation: activationSchema,
  background: described(
    'The class that means nothing is there, not counted in `labels`.',
    v.optional(v.picklist(['none', 'first', 'last']), 'none'),
  ),
  threshold: described('Boxes below this score are left out.', v.optional(fraction, 0.5)),
  nms: described(
    'Non-maximum suppression; leave out for a model that needs none (DETR).',
    v.optional(
      v.strictObject({
        iouThreshold: described(
          'From which intersection over union on a box suppresses a worse one.',
          fraction,
        ),
        classAgnostic: described(
          'Boxes of different classes suppress each other too.',
          v.optional(v.boolean(), false),
        ),
        method: described(
          '`weighted`: a kept box is the mean of what it suppressed, weighted by score (MediaPipe).',
          v.optional(v.picklist(['hard', 'weighted']), 'hard'),
        ),
      }),
    ),
  ),
  maxDetections: described(
    'Boxes of one answer, the best ones.',
    v.optional(wholeNumber(1, 10_000), 100),
  ),
});
