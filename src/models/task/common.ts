import * as v from 'valibot';

/** A whole number within bounds, both allowed. */
export const wholeNumber = (minimum: number, maximum: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(minimum), v.maxValue(maximum));

/** A probability or a share. */
export const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** Name of a model's input or output. @default the only one that the model has */
export const tensorName = v.optional(v.pipe(v.string(), v.minLength(1)));

/** A file that stands next to the model: a plain name, never a path. */
export const fileName = v.pipe(
  v.string(),
  v.regex(/^[^/\\]+$/, 'expected the plain name of a file next to the model'),
);

/** What turns raw outputs into scores; `none` when the model did it itself. */
export const activationSchema = v.picklist(['softmax', 'sigmoid', 'none']);

export type Activation = v.InferOutput<typeof activationSchema>;

/** Names of the classes in the order of the output. @default labels.txt next to the model, or id2label of its Hugging Face config.json */
export const labels = v.optional(v.pipe(v.array(v.string()), v.minLength(1)));

/** How many classes an answer lists, best first. */
export const topK = v.optional(wholeNumber(1, 10_000), 5);
