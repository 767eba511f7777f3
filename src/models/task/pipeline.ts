import * as v from 'valibot';
import { fraction } from './common.ts';

const stepName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'expected letters, digits and _'),
);

/** A model's answer for each picture of an earlier step (`request` is the picture that came in). */
const predictStep = v.strictObject({
  name: stepName,
  operation: v.literal('predict'),
  /** A model of the same repository. */
  model: v.pipe(v.string(), v.minLength(1)),
  /** Its version or alias. @default what the model's own policy picks */
  version: v.optional(v.string()),
  images: stepName,
});

/** Each region of a detection (four corners, or a box) as an upright picture of its own. */
const cropStep = v.strictObject({
  name: stepName,
  operation: v.literal('crop'),
  images: stepName,
  regions: stepName,
  /** Regions at least this many times as high as wide are turned by 90 degrees counter-clockwise. */
  turnWhenTallerThan: v.optional(v.pipe(v.number(), v.gtValue(0))),
});

/** Pictures turned by 180 degrees where a classifier says so. */
const turnStep = v.strictObject({
  name: stepName,
  operation: v.literal('turn'),
  images: stepName,
  /** A step of an image-classification model over the same pictures. */
  by: stepName,
  label: v.string(),
  minimumScore: v.optional(fraction, 0),
});

/** A small graph of other models over one picture. Steps are in order; each names earlier ones. */
export const pipelineSchema = v.strictObject({
  type: v.literal('pipeline'),
  steps: v.pipe(
    v.array(v.variant('operation', [predictStep, cropStep, turnStep])),
    v.minLength(1),
    v.maxLength(32),
  ),
  /** The answer: one item for each crop, put together from the fields of the named steps. */
  output: v.strictObject({
    /** Steps whose answers are merged into one item, a later one over an earlier one. */
    items: v.pipe(v.array(stepName), v.minLength(1)),
    /** Items whose `score` is below are left out. */
    minimumScore: v.optional(fraction, 0),
    /** Joins the `text` of the items with line ends into one. */
    text: v.optional(v.boolean(), false),
  }),
});

export type PipelineConfiguration = v.InferOutput<typeof pipelineSchema>;
export type PipelineStep = PipelineConfiguration['steps'][number];
