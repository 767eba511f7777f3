import * as v from 'valibot';

/** A schema with the words that editors show for it, through docs/config.schema.json. */
export const described = <Schema extends v.GenericSchema>(text: string, schema: Schema) =>
  v.pipe(schema, v.description(text));

/** A whole number within bounds, both allowed. */
export const wholeNumber = (minimum: number, maximum: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(minimum), v.maxValue(maximum));

/** A probability or a share. */
export const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** The name of a tensor that has to be given. */
export const requiredTensorName = v.pipe(v.string(), v.minLength(1));

export const tensorName = described(
  'Name of the input or output. Default: the only one that the model has.',
  v.optional(requiredTensorName),
);

/** A file that stands next to the model: a plain name, never a path. */
export const fileName = v.pipe(
  v.string(),
  v.regex(/^[^/\\]+$/, 'expected the plain name of a file next to the model'),
);

export const activationSchema = described(
  'What turns raw outputs into scores; `none` when the model did it itself.',
  v.picklist(['softmax', 'sigmoid', 'none']),
);

export type Activation = v.InferOutput<typeof activationSchema>;

export const labels = described(
  'Names of the classes in the order of the output. Default: labels.txt next to the model, or id2label of its Hugging Face config.json.',
  v.optional(v.pipe(v.array(v.string()), v.minLength(1))),
);

export const topK = described(
  'How many classes an answer lists, best first.',
  v.optional(wholeNumber(1, 10_000), 5),
);
