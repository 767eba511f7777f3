import * as v from 'valibot';
import { described, fraction } from './common.ts';

const stepName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'expected letters, digits and _'),
);

/** A pipeline is its configuration, of which there is one. */
export const pipelineVersion = '1';

/** A model's answer for each picture of an earlier step (`request` is the picture that came in). */
const predictStep = v.strictObject({
  name: described('By which later steps and the output call this one.', stepName),
  operation: v.literal('predict'),
  model: described('A model of the same repository.', v.pipe(v.string(), v.minLength(1))),
  version: described(
    'Its version or alias. Default: what the model’s own policy picks.',
    v.optional(v.string()),
  ),
  images: described(
    'The step whose pictures it takes; `request` for the one that came in.',
    stepName,
  ),
});

/** Each region of a detection (four corners, or a box) as an upright picture of its own. */
const cropStep = v.strictObject({
  name: described('By which later steps and the output call this one.', stepName),
  operation: v.literal('crop'),
  images: described(
    'The step whose pictures it takes; `request` for the one that came in.',
    stepName,
  ),
  regions: described('The step whose answers say where to cut.', stepName),
  turnWhenTallerThan: described(
    'Regions at least this many times as high as wide are turned by 90 degrees counter-clockwise.',
    v.optional(v.pipe(v.number(), v.gtValue(0))),
  ),
});

/** Pictures turned by 180 degrees where a classifier says so. */
const turnStep = v.strictObject({
  name: described('By which later steps and the output call this one.', stepName),
  operation: v.literal('turn'),
  images: described(
    'The step whose pictures it takes; `request` for the one that came in.',
    stepName,
  ),
  by: described('A step of an image-classification model over the same pictures.', stepName),
  label: described('The label that means upside down.', v.string()),
  minimumScore: described('From which score on it is believed.', v.optional(fraction, 0)),
});

/** A small graph of other models over one picture. Steps are in order; each names earlier ones. */
export const pipelineSchema = v.strictObject({
  type: v.literal('pipeline'),
  steps: described(
    'In order; each names earlier ones.',
    v.pipe(
      v.array(v.variant('operation', [predictStep, cropStep, turnStep])),
      v.minLength(1),
      v.maxLength(32),
    ),
  ),
  output: described(
    'The answer: one item for each crop, put together from the fields of the named steps.',
    v.strictObject({
      items: described(
        'Steps whose answers are merged into one item, a later one over an earlier one.',
        v.pipe(v.array(stepName), v.minLength(1)),
      ),
      minimumScore: described(
        'Items whose `score` is below are left out.',
        v.optional(fraction, 0),
      ),
      text: described(
        'Joins the `text` of the items with line ends into one.',
        v.optional(v.boolean(), false),
      ),
    }),
  ),
});

export type PipelineConfiguration = v.InferOutput<typeof pipelineSchema>;
export type PipelineStep = PipelineConfiguration['steps'][number];
