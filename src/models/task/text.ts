import * as v from 'valibot';
import {
  activationSchema,
  described,
  fileName,
  labels,
  tensorName,
  topK,
  wholeNumber,
} from './common.ts';

/** From text to token ids. */
export const tokenizerSchema = v.strictObject({
  file: described(
    'Tokenizer of Hugging Face, next to the model.',
    v.optional(fileName, 'tokenizer.json'),
  ),
  configFile: described(
    'Read when it stands next to the model.',
    v.optional(fileName, 'tokenizer_config.json'),
  ),
  maxLength: described(
    'Tokens with the special ones; longer texts are cut. Default: truncation of tokenizer.json, or model_max_length of its config.',
    v.optional(wholeNumber(1, 131_072)),
  ),
  inputs: described(
    'Names of the model’s inputs; mask and types are fed where the model has them.',
    v.optional(
      v.strictObject({
        ids: described('Input of token ids.', v.optional(v.string(), 'input_ids')),
        mask: described(
          'Input that is 1 for tokens and 0 for padding.',
          v.optional(v.string(), 'attention_mask'),
        ),
        types: described('Input of token types, all 0.', v.optional(v.string(), 'token_type_ids')),
      }),
      {},
    ),
  ),
  maxCharacters: described(
    'Longer texts are refused before they are looked at.',
    v.optional(wholeNumber(1, 100_000_000), 1_000_000),
  ),
});

export type TokenizerConfiguration = v.InferOutput<typeof tokenizerSchema>;

const tokenizer = described('How a text becomes token ids.', v.optional(tokenizerSchema, {}));

export const featureExtractionSchema = v.strictObject({
  type: v.literal('feature-extraction'),
  tokenizer,
  output: described(
    'An output [texts, tokens, size] that is pooled, or [texts, size].',
    tensorName,
  ),
  pooling: described(
    'Over the tokens that are no padding; `none` for an output that is one vector a text.',
    v.picklist(['mean', 'cls', 'max', 'none']),
  ),
  normalise: described('To length 1.', v.optional(v.boolean(), false)),
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
  aggregation: described(
    'How tokens become entities, after a softmax over the labels (Hugging Face’s `aggregation_strategy`).',
    v.optional(v.picklist(['none', 'simple', 'first', 'average', 'max']), 'simple'),
  ),
  ignoreLabels: described('Labels that are no entity.', v.optional(v.array(v.string()), ['O'])),
});
