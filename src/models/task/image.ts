import * as v from 'valibot';
import {
  activationSchema,
  fileName,
  fraction,
  labels,
  tensorName,
  topK,
  wholeNumber,
} from './common.ts';

const edge = wholeNumber(1, 16_384);
const perChannel = v.union([
  v.number(),
  v.pipe(v.array(v.number()), v.minLength(1), v.maxLength(4)),
]);

/** How a picture of any size becomes what the model takes. Sizes are in pixels. */
const resizeSchema = v.variant('mode', [
  /** To width by height, whatever the proportions were. */
  v.strictObject({ mode: v.literal('exact'), width: edge, height: edge }),
  /** Proportions kept, the shorter side becomes `edge` (then usually a centre crop). */
  v.strictObject({ mode: v.literal('shortest-edge'), edge }),
  /** Proportions kept, fits into width by height, the rest filled with `fill` (before normalisation). */
  v.strictObject({
    mode: v.literal('contain'),
    width: edge,
    height: edge,
    position: v.optional(v.picklist(['center', 'top-left']), 'center'),
    fill: v.optional(wholeNumber(0, 255), 0),
  }),
  /** Shrinks so that the longer side is at most `edge`; each side then becomes the nearest multiple of `multipleOf`. */
  v.strictObject({
    mode: v.literal('longest-edge'),
    edge,
    multipleOf: v.optional(wholeNumber(1, 1024), 1),
  }),
  /**
   * To `height`, proportions kept up to `maxWidth`; padded on the right, after normalisation, with 0 to at least `minWidth`
   * and to a multiple of `multipleOf` (lines of nearly the same length then run together).
   */
  v.strictObject({
    mode: v.literal('height'),
    height: edge,
    minWidth: v.optional(edge, 1),
    maxWidth: v.optional(edge, 3200),
    multipleOf: v.optional(wholeNumber(1, 1024), 1),
  }),
]);

export type ResizeConfiguration = v.InferOutput<typeof resizeSchema>;

/** From a picture to a tensor: value = (pixel * rescale - mean) / std. */
export const imageSchema = v.strictObject({
  colour: v.optional(v.picklist(['rgb', 'bgr', 'gray']), 'rgb'),
  layout: v.optional(v.picklist(['nchw', 'nhwc']), 'nchw'),
  /** Transparent pixels: `drop` keeps the colour that is stored (as Hugging Face does), else the ground to lay under. */
  alpha: v.optional(v.picklist(['drop', 'white', 'black']), 'drop'),
  /** @default the picture as it is */
  resize: v.optional(resizeSchema),
  interpolation: v.optional(
    v.picklist(['nearest', 'box', 'bilinear', 'bicubic', 'lanczos']),
    'bilinear',
  ),
  /** true: as Pillow and Hugging Face resize; false: as OpenCV does (`nearest` and `bilinear` only). */
  antialias: v.optional(v.boolean(), true),
  /**
   * Where a pixel is: at its centre, as nearly everybody counts, or at its corner, as MediaPipe's ImageToTensor does (with
   * `exact` or `contain`, `bilinear` and no antialiasing).
   */
  sampling: v.optional(v.picklist(['centers', 'corners']), 'centers'),
  /** Cut out of the middle after resizing; what is missing is filled with 0. */
  centerCrop: v.optional(v.strictObject({ width: edge, height: edge })),
  rescale: v.optional(v.number(), 1 / 255),
  mean: v.optional(perChannel, 0),
  std: v.optional(perChannel, 1),
  /** Larger pictures are refused before they are decoded. */
  maxPixels: v.optional(wholeNumber(1, 500_000_000), 50_000_000),
  /**
   * `exact`: as Pillow or OpenCV does it, bit for bit, here. `fast`: by libvips while it decodes, in other threads and from a
   * JPEG of lower resolution where there is one; pixels differ from the reference's by a few levels.
   */
  resizer: v.optional(v.picklist(['exact', 'fast']), 'exact'),
});

export type ImageConfiguration = v.InferOutput<typeof imageSchema>;

/** @default preprocessor_config.json next to the model */
const image = v.optional(imageSchema);

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
  /** Distance of the grid's points in input pixels, one a layer. */
  strides: v.pipe(v.array(edge), v.minLength(1), v.maxLength(16)),
  /** Anchors at each point of the layer with the same index. */
  anchorsPerPoint: v.pipe(v.array(wholeNumber(1, 64)), v.minLength(1), v.maxLength(16)),
});

export const objectDetectionSchema = v.strictObject({
  type: v.literal('object-detection'),
  input: tensorName,
  image,
  labels,
  /** Output with boxes: [1, boxes, 4 or more]. */
  boxes: v.pipe(v.string(), v.minLength(1)),
  /** Output with scores: [1, boxes, classes] or [1, boxes]; the same name as `boxes` when the scores follow the box (YOLO). */
  scores: v.pipe(v.string(), v.minLength(1)),
  /** Output with class numbers when `scores` has only the best score of each box. */
  classes: tensorName,
  /** `columns`: [1, values, boxes], as YOLOv8 exports. */
  arrangement: v.optional(v.picklist(['rows', 'columns']), 'rows'),
  boxFormat: v.optional(v.picklist(['xyxy', 'cxcywh', 'xywh', 'yxyx']), 'xyxy'),
  /** `fraction` of the model's input picture, or its `pixels`. */
  coordinates: v.optional(v.picklist(['fraction', 'pixels']), 'fraction'),
  /** Decode the boxes against these; they are then pixels of the input picture relative to an anchor. */
  anchors: v.optional(anchorsSchema),
  /** YOLOv5 and YOLOX: the value between the box and the class scores, multiplied into them. */
  objectness: v.optional(v.boolean(), false),
  activation: activationSchema,
  /** The class that means nothing is there, not counted in `labels`. */
  background: v.optional(v.picklist(['none', 'first', 'last']), 'none'),
  /** Boxes below this score are left out. */
  threshold: v.optional(fraction, 0.5),
  /** Non-maximum suppression; leave out for a model that needs none (DETR). */
  nms: v.optional(
    v.strictObject({
      iouThreshold: fraction,
      /** Boxes of different classes suppress each other too. */
      classAgnostic: v.optional(v.boolean(), false),
      /** `weighted`: a kept box is the mean of what it suppressed, weighted by score (MediaPipe). */
      method: v.optional(v.picklist(['hard', 'weighted']), 'hard'),
    }),
  ),
  maxDetections: v.optional(wholeNumber(1, 10_000), 100),
});

export const imageSegmentationSchema = v.strictObject({
  type: v.literal('image-segmentation'),
  input: tensorName,
  output: tensorName,
  image,
  labels,
  /** Of the output: [1, classes, height, width] or [1, height, width, classes]. */
  outputLayout: v.optional(v.picklist(['nchw', 'nhwc']), 'nchw'),
  /** One channel: the score of the only label. More: the best class of each pixel. */
  activation: activationSchema,
  /** From which score on a pixel belongs to the only label; needs one channel. */
  threshold: v.optional(fraction, 0.5),
  /** Labels that are no segment of their own (a background). */
  ignoreLabels: v.optional(v.array(v.string()), []),
});

/** Differentiable binarisation, as PaddleOCR's detectors need it (DBPostProcess). */
export const textDetectionSchema = v.strictObject({
  type: v.literal('text-detection'),
  input: tensorName,
  output: tensorName,
  image,
  /** From which value on a pixel of the map is text. */
  pixelThreshold: v.optional(fraction, 0.3),
  /** Regions whose mean value is below are left out. */
  threshold: v.optional(fraction, 0.6),
  /** Regions grow by area * ratio / perimeter on each side. */
  unclipRatio: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(10)), 1.5),
  maxCandidates: v.optional(wholeNumber(1, 10_000), 1000),
});

/** Connectionist temporal classification over the columns of a text line. */
export const textRecognitionSchema = v.strictObject({
  type: v.literal('text-recognition'),
  input: tensorName,
  output: tensorName,
  image,
  /** One character a line, in the order of the output's classes after the blank. */
  charactersFile: fileName,
  blank: v.optional(v.picklist(['first', 'last']), 'first'),
  /** A class for the space follows the file's characters. */
  space: v.optional(v.boolean(), true),
});

export const imageFeatureExtractionSchema = v.strictObject({
  type: v.literal('image-feature-extraction'),
  input: tensorName,
  output: tensorName,
  image,
  /** For an output [1, patches, size]: `mean` over the patches, the first (`cls`), or all of them (`none`). */
  pooling: v.optional(v.picklist(['none', 'cls', 'mean']), 'none'),
  /** To length 1. */
  normalise: v.optional(v.boolean(), false),
});
