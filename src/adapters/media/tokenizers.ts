import { ServingError } from '../../errors.ts';
import type { Tokenizer, TokenizerFactory } from '../../tasks/ports.ts';

/** Tokenizes with @huggingface/tokenizers, which is loaded by the first model that has a tokenizer. */
export function createTokenizerFactory(): TokenizerFactory {
  return {
    async create(tokenizerJson, configJson): Promise<Tokenizer> {
      const library = await import('@huggingface/tokenizers');
      const tokenizer = construct(library, tokenizerJson, configJson);
      return {
        encode(text, addSpecialTokens) {
          const { ids, tokens } = tokenizer.encode(text, { add_special_tokens: addSpecialTokens });
          return { ids, tokens };
        },
        tokenId: (token) => tokenizer.token_to_id(token),
      };
    },
  };
}

function construct(
  library: typeof import('@huggingface/tokenizers'),
  tokenizerJson: string,
  configJson: string,
) {
  try {
    const tokenizer = parseObject(tokenizerJson);
    return new library.Tokenizer(tokenizer, parseObject(configJson));
  } catch (cause) {
    throw new ServingError(
      'MODEL_UNAVAILABLE',
      'tokenizer.json: not a tokenizer of Hugging Face that can be used',
      { cause },
    );
  }
}

function parseObject(text: string): object {
  const document: unknown = JSON.parse(text);
  if (typeof document === 'object' && document !== null) return document;
  throw new TypeError('expected an object');
}
