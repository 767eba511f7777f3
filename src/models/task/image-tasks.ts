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
import { image } from './image.ts';

export const imageClassificationSchema = v.strictObject({
  type: v.literal('image-classification'),
  input: tensorName,
  output: tensorName,
  image,
  labels,
  activation: activationSchema,
  topK,
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
