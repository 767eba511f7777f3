import * as v from 'valibot';
import { activationSchema, labels, tensorName } from './common.ts';

/** A value that stands for one that is not there. `refuse`: the row is an error. `nan`: not a number, as trees take it. */
const missing = v.optional(
  v.union([
    v.picklist(['refuse', 'nan']),
    v.strictObject({ value: v.union([v.number(), v.string()]) }),
  ]),
  'refuse',
);

const columnName = v.pipe(v.string(), v.minLength(1));

const columnSchema = v.variant('type', [
  v.strictObject({
    name: columnName,
    type: v.literal('number'),
    input: tensorName,
    missing,
    minimum: v.optional(v.number()),
    maximum: v.optional(v.number()),
  }),
  /** true, false, 1, 0 and the same as text: becomes 1 or 0. */
  v.strictObject({ name: columnName, type: v.literal('boolean'), input: tensorName, missing }),
  /** One of a list. `ordinal`: its place in the list; `one-hot`: as many numbers as there are categories. */
  v.strictObject({
    name: columnName,
    type: v.literal('category'),
    input: tensorName,
    missing,
    categories: v.pipe(v.array(v.string()), v.minLength(1)),
    encoding: v.picklist(['ordinal', 'one-hot']),
    /** What a value that is not in the list does: `refuse`, or all zeros (`one-hot`) and -1 (`ordinal`). */
    unknown: v.optional(v.picklist(['refuse', 'ignore']), 'refuse'),
  }),
  /** Text as it is, for a model that encodes it itself. */
  v.strictObject({ name: columnName, type: v.literal('string'), input: tensorName, missing }),
]);

export type ColumnConfiguration = v.InferOutput<typeof columnSchema>;

/**
 * Columns in the order of the model's input [rows, columns]. A model with one input a column (scikit-learn pipelines)
 * names it in each column's `input`.
 */
const columns = v.pipe(
  v.array(columnSchema),
  v.minLength(1),
  v.check(
    (list) => new Set(list.map((column) => column.name)).size === list.length,
    'expected every column name once',
  ),
);

export const tabularClassificationSchema = v.strictObject({
  type: v.literal('tabular-classification'),
  columns,
  /** Output of probabilities: [rows, classes], or [rows, 1] or [rows] for the second of two labels. */
  output: tensorName,
  labels,
  activation: activationSchema,
  /** For two labels: from which probability on the second one is the answer. */
  threshold: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0.5),
});

export const tabularRegressionSchema = v.strictObject({
  type: v.literal('tabular-regression'),
  columns,
  /** Output of values: [rows], [rows, 1] or [rows, targets]. */
  output: tensorName,
  /** Names of the values where there is more than one. */
  targets: v.optional(v.pipe(v.array(columnName), v.minLength(1))),
});
