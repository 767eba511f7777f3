import * as v from 'valibot';
import { activationSchema, described, labels, tensorName } from './common.ts';

const missing = described(
  'What stands for a value that is not there. `refuse`: the row is an error. `nan`: not a number, as trees take it.',
  v.optional(
    v.union([
      v.picklist(['refuse', 'nan']),
      v.strictObject({ value: described('This one.', v.union([v.number(), v.string()])) }),
    ]),
    'refuse',
  ),
);

const columnName = described('Name in the row.', v.pipe(v.string(), v.minLength(1)));

const columnSchema = v.variant('type', [
  v.strictObject({
    name: columnName,
    type: v.literal('number'),
    input: tensorName,
    missing,
    minimum: described('Smaller values are refused.', v.optional(v.number())),
    maximum: described('Larger values are refused.', v.optional(v.number())),
  }),
  described(
    'true, false, 1, 0 and the same as text: becomes 1 or 0.',
    v.strictObject({ name: columnName, type: v.literal('boolean'), input: tensorName, missing }),
  ),
  described(
    'One of a list. `ordinal`: its place in the list; `one-hot`: as many numbers as there are categories.',
    v.strictObject({
      name: columnName,
      type: v.literal('category'),
      input: tensorName,
      missing,
      categories: described(
        'In the order in which the model counts them.',
        v.pipe(v.array(v.string()), v.minLength(1)),
      ),
      encoding: described('How a category becomes numbers.', v.picklist(['ordinal', 'one-hot'])),
      unknown: described(
        'What a value that is not in the list does: `refuse`, or all zeros (`one-hot`) and -1 (`ordinal`).',
        v.optional(v.picklist(['refuse', 'ignore']), 'refuse'),
      ),
    }),
  ),
  described(
    'Text as it is, for a model that encodes it itself.',
    v.strictObject({ name: columnName, type: v.literal('string'), input: tensorName, missing }),
  ),
]);

export type ColumnConfiguration = v.InferOutput<typeof columnSchema>;

const columns = described(
  'Columns in the order of the input [rows, columns]. A model with one input a column (scikit-learn pipelines) names it in each column’s `input`.',
  v.pipe(
    v.array(columnSchema),
    v.minLength(1),
    v.check(
      (list) => new Set(list.map((column) => column.name)).size === list.length,
      'expected every column name once',
    ),
  ),
);

export const tabularClassificationSchema = v.strictObject({
  type: v.literal('tabular-classification'),
  columns,
  output: described(
    'Output of probabilities: [rows, classes], or [rows, 1] or [rows] for the second of two labels.',
    tensorName,
  ),
  labels,
  activation: activationSchema,
  threshold: described(
    'For two labels: from which probability on the second one is the answer.',
    v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0.5),
  ),
});

export const tabularRegressionSchema = v.strictObject({
  type: v.literal('tabular-regression'),
  columns,
  output: described('Output of values: [rows], [rows, 1] or [rows, targets].', tensorName),
  targets: described(
    'Names of the values where there is more than one.',
    v.optional(v.pipe(v.array(columnName), v.minLength(1))),
  ),
});
