import * as v from 'valibot';
import { invalidRequest, ServingError } from '../../errors.ts';
import type { TokenizerConfiguration } from '../../models/task/text.ts';
import type { Tensor, TensorMetadata } from '../../protocol/tensor.ts';
import {
  misconfigured,
  pickInput,
  requireAllFed,
  requireDatatype,
  requireRank,
} from '../binding.ts';
import { parseJson } from '../json.ts';
import type { MediaDecoders, Tokenizer } from '../ports.ts';
import type { TaskModel } from '../predictor.ts';
import { fromIntegers } from '../tensors.ts';

/** A text as the model takes it, special tokens included, not yet padded. */
export interface EncodedText {
  readonly text: string;
  readonly ids: readonly number[];
  /** The text's own tokens, which stand from `firstToken` on. */
  readonly tokens: readonly string[];
  readonly firstToken: number;
}

export interface TextEncoder {
  encode(text: string): EncodedText;
  /** Feeds for one run of texts, padded to the longest (or to what the model fixes), and that length in tokens. */
  stack(texts: readonly EncodedText[]): { readonly feeds: Tensor[]; readonly length: number };
  /** Texts that one run takes at most. */
  readonly limit: number;
  /** Whether the model fixes the length, so that sorting by length saves nothing. */
  readonly fixedLength: number | undefined;
  /** What tokens that go on a word start with, in vocabularies that mark them (WordPiece: `##`). */
  readonly continuationMark: string | undefined;
}

const tokenizerFileSchema = v.object({
  truncation: v.optional(v.nullable(v.object({ max_length: v.number() }))),
  padding: v.optional(v.nullable(v.object({ pad_id: v.number() }))),
  model: v.optional(
    v.object({ continuing_subword_prefix: v.optional(v.nullable(v.string())) }),
    {},
  ),
});
const tokenizerConfigSchema = v.object({
  model_max_length: v.optional(v.number()),
  pad_token: v.optional(v.nullable(v.union([v.string(), v.object({ content: v.string() })]))),
});

/** A model_max_length above this means "none": transformers writes 10^30. */
const plausibleLength = 1_000_000;

/** @throws ServingError MODEL_UNAVAILABLE when files or configuration do not fit the model */
export async function createTextEncoder(
  configuration: TokenizerConfiguration,
  model: TaskModel,
  decoders: MediaDecoders,
): Promise<TextEncoder> {
  const tokenizerJson = await model.readFile(configuration.file);
  if (tokenizerJson === undefined) {
    throw misconfigured(model, 'tokenizer.file', 'a file next to the model', configuration.file);
  }
  const configJson = (await model.readFile(configuration.configFile)) ?? '{}';
  const tokenizer = await decoders.tokenizers.create(tokenizerJson, configJson);
  const inputs = bindInputs(configuration, model);
  const fixedLength = inputs.ids.shape[1] === -1 ? undefined : inputs.ids.shape[1];
  const file = v.safeParse(tokenizerFileSchema, parseJson(tokenizerJson));
  const config = v.safeParse(tokenizerConfigSchema, parseJson(configJson));
  const declared = config.success ? config.output.model_max_length : undefined;
  const maxLength =
    configuration.maxLength ??
    (file.success ? file.output.truncation?.max_length : undefined) ??
    (declared !== undefined && declared <= plausibleLength ? declared : undefined) ??
    fixedLength;
  if (maxLength === undefined) {
    throw misconfigured(model, 'tokenizer.maxLength', 'a number of tokens', 'nothing');
  }
  if (fixedLength !== undefined && maxLength > fixedLength) {
    throw misconfigured(model, 'tokenizer.maxLength', `at most ${fixedLength}`, `${maxLength}`);
  }
  const padToken = config.success ? config.output.pad_token : undefined;
  const padName = typeof padToken === 'object' ? padToken?.content : padToken;
  const padId =
    (file.success ? file.output.padding?.pad_id : undefined) ??
    (padName === undefined ? undefined : tokenizer.tokenId(padName)) ??
    0;
  const frame = specialTokens(tokenizer);
  const room = maxLength - frame.before.length - frame.after.length;
  if (room < 1) {
    throw misconfigured(
      model,
      'tokenizer.maxLength',
      'room for a token between the special ones',
      `${maxLength}`,
    );
  }
  const first = inputs.ids.shape[0] ?? -1;

  return {
    limit: first < 0 ? Number.POSITIVE_INFINITY : first,
    fixedLength,
    continuationMark:
      (file.success ? file.output.model.continuing_subword_prefix : undefined) || undefined,
    encode(text) {
      checkText(text, configuration.maxCharacters);
      const { ids, tokens } = encodeStart(tokenizer, text, room);
      return {
        text,
        ids: [...frame.before, ...ids.slice(0, room), ...frame.after],
        tokens: tokens.slice(0, room),
        firstToken: frame.before.length,
      };
    },
    stack(texts) {
      const longest = texts.reduce((most, text) => Math.max(most, text.ids.length), 0);
      const length = fixedLength ?? longest;
      const ids = new Int32Array(texts.length * length).fill(padId);
      const mask = new Int32Array(texts.length * length);
      for (const [row, text] of texts.entries()) {
        ids.set(text.ids, row * length);
        mask.fill(1, row * length, row * length + text.ids.length);
      }
      const shape = [texts.length, length];
      const feed = (input: TensorMetadata | undefined, values: Int32Array) =>
        input === undefined ? [] : [fromIntegers(input.name, input.datatype, shape, values)];
      const feeds = [
        ...feed(inputs.ids, ids),
        ...feed(inputs.mask, mask),
        ...feed(inputs.types, new Int32Array(ids.length)),
      ];
      return { feeds, length };
    },
  };
}

interface TextInputs {
  readonly ids: TensorMetadata;
  readonly mask: TensorMetadata | undefined;
  readonly types: TensorMetadata | undefined;
}

function bindInputs(configuration: TokenizerConfiguration, model: TaskModel): TextInputs {
  const { inputs } = configuration;
  const optional = (name: string) => model.inputs.find((input) => input.name === name);
  const bound = {
    ids: pickInput(model, 'tokenizer.inputs.ids', inputs.ids),
    mask: optional(inputs.mask),
    types: optional(inputs.types),
  };
  const present = [bound.ids, bound.mask, bound.types].filter((input) => input !== undefined);
  requireAllFed(
    model,
    present.map((input) => input.name),
  );
  for (const input of present) {
    requireRank(model, 'tokenizer.inputs', input, [['texts', 'tokens']]);
    requireDatatype(model, 'tokenizer.inputs', input, ['INT64', 'INT32', 'FP32']);
  }
  const first = bound.ids.shape[0] ?? -1;
  if (first > 1) {
    throw misconfigured(
      model,
      'tokenizer.inputs.ids',
      'a first dimension that is free or 1',
      `${first}`,
    );
  }
  return bound;
}

/** The ids that the model's template puts before and after a text. */
function specialTokens(tokenizer: Tokenizer): { before: number[]; after: number[] } {
  const bare = tokenizer.encode('a', false).ids;
  const framed = tokenizer.encode('a', true).ids;
  for (let at = 0; at + bare.length <= framed.length; at += 1) {
    if (bare.every((id, index) => framed[at + index] === id)) {
      return { before: framed.slice(0, at), after: framed.slice(at + bare.length) };
    }
  }
  throw new ServingError(
    'MODEL_UNAVAILABLE',
    'tokenizer.json: its template changes the text that it frames',
  );
}

function checkText(text: string, maxCharacters: number): void {
  if (text.length > maxCharacters) {
    throw new ServingError(
      'PAYLOAD_TOO_LARGE',
      `text: expected at most ${maxCharacters} characters, got ${text.length}`,
    );
  }
  if (!text.isWellFormed()) {
    const at = [...text].findIndex((character) => !character.isWellFormed());
    throw invalidRequest('text', 'well-formed Unicode', `a lone surrogate as character ${at}`);
  }
}

/**
 * At least the first `room` tokens of a text, without looking at megabytes that would be cut off: a growing piece of
 * it, ended where a space is, so that its tokens are those of the whole.
 */
function encodeStart(tokenizer: Tokenizer, text: string, room: number) {
  for (let size = room * 8; size < text.length; size *= 4) {
    const space = text.slice(0, size).search(/\s\S*$/u);
    if (space <= 0) continue;
    const start = tokenizer.encode(text.slice(0, space), false);
    if (start.ids.length >= room) return start;
  }
  return tokenizer.encode(text, false);
}
