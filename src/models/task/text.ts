import * as v from 'valibot';
import { activationSchema, fileName, labels, tensorName, topK, wholeNumber } from './common.ts';

/** From text to token ids. */
export const tokenizerSchema = v.strictObject({
  file: v.optional(fileName, 'tokenizer.json'),
  /** Read when it stands next to the model. */
  configFile: v.optional(fileName, 'tokenizer_config.json'),
  /** Tokens with the special ones; longer texts are cut. @default truncation of tokenizer.json, or model_max_length of its config */
  maxLength: v.optional(wholeNumber(1, 131_072)),
  /** Names of the model's inputs; mask and types are fed where the model has them. */
  inputs: v.optional(
    v.strictObject({
      ids: v.optional(v.string(), 'input_ids'),
      mask: v.optional(v.string(), 'attention_mask'),
      types: v.optional(v.string(), 'token_type_ids'),
    }),
    {},
  ),
  /** Longer texts are refused before they are looked at. */
  maxCharacters: v.optional(wholeNumber(1, 100_000_000), 1_000_000),
});

export type TokenizerConfiguration = v.InferOutput<typeof tokenizerSchema>;

const tokenizer = v.optional(tokenizerSchema, {});

export const featureExtractionSchema = v.strictObject({
  type: v.literal('feature-extraction'),
  tokenizer,
  /** An output [texts, tokens, size] that is pooled, or [texts, size]. */
  output: tensorName,
  /** Over the tokens that are no padding; `none` for an output that is one vector a text. */
  pooling: v.picklist(['mean', 'cls', 'max', 'none']),
  /** To length 1. */
  normalise: v.optional(v.boolean(), false),
});

export const textClassificationSchema = v.strictObject({
  type: v.literal('text-classification'),
  tokenizer,
  output: tensorName,
  labels,
  activation: activationSchema,
  topK,
});

export const tokenClassificationSchema = v.strictObject({
  type: v.literal('token-classification'),
  tokenizer,
  output: tensorName,
  labels,
  /** How tokens become entities, after a softmax over the labels (Hugging Face's `aggregation_strategy`). */
  aggregation: v.optional(v.picklist(['none', 'simple', 'first', 'average', 'max']), 'simple'),
  /** Labels that are no entity. */
  ignoreLabels: v.optional(v.array(v.string()), ['O']),
});
