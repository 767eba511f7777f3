import * as v from 'valibot';
import {
  activationSchema,
  described,
  fileName,
  fraction,
  labels,
  tensorName,
  topK,
  wholeNumber,
} from './common.ts';

const edge = described('Pixels.', wholeNumber(1, 16_384));
const perChannel = v.union([
  v.number(),
  v.pipe(v.array(v.number()), v.minLength(1), v.maxLength(4)),
]);

/** How a picture of any size becomes what the model takes. Sizes are in pixels. */
const resizeSchema = v.variant('mode', [
  described(
    'To width by height, whatever the proportions were.',
    v.strictObject({ mode: v.literal('exact'), width: edge, height: edge }),
  ),
  described(
    'Proportions kept, the shorter side becomes `edge` (then usually a centre crop).',
    v.strictObject({ mode: v.literal('shortest-edge'), edge }),
  ),
  described(
    'Proportions kept, fits into width by height, the rest filled with `fill` (before normalisation).',
    v.strictObject({
      mode: v.literal('contain'),
      width: edge,
      height: edge,
      position: described(
        'Where the picture lies in the tensor.',
        v.optional(v.picklist(['center', 'top-left']), 'center'),
      ),
      fill: described(
        'Value of the pixels that the picture does not cover.',
        v.optional(wholeNumber(0, 255), 0),
      ),
    }),
  ),
  described(
    'Shrinks so that the longer side is at most `edge`; each side then becomes the nearest multiple of `multipleOf`.',
    v.strictObject({
      mode: v.literal('longest-edge'),
      edge,
      multipleOf: described(
        'What sides are brought to a multiple of.',
        v.optional(wholeNumber(1, 1024), 1),
      ),
    }),
  ),
  described(
    'To `height`, proportions kept up to `maxWidth`; padded on the right, after normalisation, with 0 to at least `minWidth` and to a multiple of `multipleOf` (lines of nearly the same length then run together).',
    v.strictObject({
      mode: v.literal('height'),
      height: edge,
      minWidth: described('Narrower pictures are padded to it.', v.optional(edge, 1)),
      maxWidth: described('Wider pictures are squeezed to it.', v.optional(edge, 3200)),
      multipleOf: described(
        'What sides are brought to a multiple of.',
        v.optional(wholeNumber(1, 1024), 1),
      ),
    }),
  ),
]);

export type ResizeConfiguration = v.InferOutput<typeof resizeSchema>;

/** From a picture to a tensor: value = (pixel * rescale - mean) / std. */
export const imageSchema = v.strictObject({
  colour: described(
    'Order of the channels.',
    v.optional(v.picklist(['rgb', 'bgr', 'gray']), 'rgb'),
  ),
  layout: described(
    'Of the input: [rows, channels, height, width] or [rows, height, width, channels].',
    v.optional(v.picklist(['nchw', 'nhwc']), 'nchw'),
  ),
  alpha: described(
    'Transparent pixels: `drop` keeps the colour that is stored (as Hugging Face does), else the ground to lay under.',
    v.optional(v.picklist(['drop', 'white', 'black']), 'drop'),
  ),
  resize: described(
    'How its size becomes the model’s. Default: the picture as it is.',
    v.optional(resizeSchema),
  ),
  interpolation: described(
    'Filter of the resizing, by its name in Pillow.',
    v.optional(v.picklist(['nearest', 'box', 'bilinear', 'bicubic', 'lanczos']), 'bilinear'),
  ),
  antialias: described(
    'true: as Pillow and Hugging Face resize; false: as OpenCV does (`nearest` and `bilinear` only).',
    v.optional(v.boolean(), true),
  ),
  sampling: described(
    'Where a pixel is: at its centre, as nearly everybody counts, or at its corner, as MediaPipe’s ImageToTensor does (with `exact` or `contain`, `bilinear` and no antialiasing).',
    v.optional(v.picklist(['centers', 'corners']), 'centers'),
  ),
  centerCrop: described(
    'Cut out of the middle after resizing; what is missing is filled with 0.',
    v.optional(v.strictObject({ width: edge, height: edge })),
  ),
  rescale: described('value = (pixel * rescale - mean) / std', v.optional(v.number(), 1 / 255)),
  mean: described('One number, or one for each channel.', v.optional(perChannel, 0)),
  std: described('One number, or one for each channel.', v.optional(perChannel, 1)),
  maxPixels: described(
    'Larger pictures are refused before they are decoded.',
    v.optional(wholeNumber(1, 500_000_000), 50_000_000),
  ),
  resizer: described(
    '`exact`: as Pillow or OpenCV does it, bit for bit, here. `fast`: by libvips while it decodes, in other threads and from a JPEG of lower resolution where there is one; pixels differ from the reference’s by a few levels.',
    v.optional(v.picklist(['exact', 'fast']), 'exact'),
  ),
});

export type ImageConfiguration = v.InferOutput<typeof imageSchema>;

const image = described(
  'How a picture becomes the input. Default: preprocessor_config.json next to the model.',
  v.optional(imageSchema),
);

export const imageClassificationSchema = v.strictObject({
  type: v.literal('image-classification'),
  input: tensorName,
  output: tensorName,
  image,
  labels,
  activation: activationSchema,
  topK,
});

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
  boxes: described('Output with boxes: [1, boxes, 4 or more].', v.pipe(v.string(), v.minLength(1))),
  scores: described(
    'Output with scores: [1, boxes, classes] or [1, boxes]; the same name as `boxes` when the scores follow the box (YOLO).',
    v.pipe(v.string(), v.minLength(1)),
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

export const imageSegmentationSchema = v.strictObject({
  type: v.literal('image-segmentation'),
  input: tensorName,
  output: tensorName,
  image,
  labels,
  outputLayout: described(
    'Of the output: [1, classes, height, width] or [1, height, width, classes].',
    v.optional(v.picklist(['nchw', 'nhwc']), 'nchw'),
  ),
  activation: described(
    'What turns raw outputs into scores. One channel gives the score of the only label, several the best class of each pixel.',
    activationSchema,
  ),
  threshold: described(
    'From which score on a pixel belongs to the only label; needs one channel.',
    v.optional(fraction, 0.5),
  ),
  ignoreLabels: described(
    'Labels that are no segment of their own (a background).',
    v.optional(v.array(v.string()), []),
  ),
});

/** Differentiable binarisation, as PaddleOCR's detectors need it (DBPostProcess). */
export const textDetectionSchema = v.strictObject({
  type: v.literal('text-detection'),
  input: tensorName,
  output: tensorName,
  image,
  pixelThreshold: described(
    'From which value on a pixel of the map is text.',
    v.optional(fraction, 0.3),
  ),
  threshold: described(
    'Regions whose mean value is below are left out.',
    v.optional(fraction, 0.6),
  ),
  unclipRatio: described(
    'Regions grow by area * ratio / perimeter on each side.',
    v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(10)), 1.5),
  ),
  maxCandidates: described(
    'Regions of the map that are looked at.',
    v.optional(wholeNumber(1, 10_000), 1000),
  ),
});

/** Connectionist temporal classification over the columns of a text line. */
export const textRecognitionSchema = v.strictObject({
  type: v.literal('text-recognition'),
  input: tensorName,
  output: tensorName,
  image,
  charactersFile: described(
    'One character a line, in the order of the output’s classes after the blank.',
    fileName,
  ),
  blank: described(
    'Which class of the output is the blank.',
    v.optional(v.picklist(['first', 'last']), 'first'),
  ),
  space: described(
    'A class for the space follows the file’s characters.',
    v.optional(v.boolean(), true),
  ),
});

export const imageFeatureExtractionSchema = v.strictObject({
  type: v.literal('image-feature-extraction'),
  input: tensorName,
  output: tensorName,
  image,
  pooling: described(
    'For an output [1, patches, size]: `mean` over the patches, the first (`cls`), or all of them (`none`).',
    v.optional(v.picklist(['none', 'cls', 'mean']), 'none'),
  ),
  normalise: described('To length 1.', v.optional(v.boolean(), false)),
});
