/** Where a token stands in the text: UTF-16 offsets, end outside. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Letters without case and accents, as uncased vocabularies have them; used on both sides, so cased ones fit too. */
function fold(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

/** The mark of a token that goes on a word (WordPiece) or starts one (SentencePiece, byte-level BPE). */
const marks = /^(?:##|[\u2581\u0120]+)/u;

interface FoldedText {
  /** Folded characters without spaces, and for each the span of the character that it came from. */
  readonly characters: readonly string[];
  readonly spans: readonly Span[];
}

function foldText(text: string): FoldedText {
  const characters: string[] = [];
  const spans: Span[] = [];
  let start = 0;
  for (const character of text) {
    const span = { start, end: start + character.length };
    start = span.end;
    if (/^\s$/u.test(character)) continue;
    for (const folded of fold(character)) {
      characters.push(folded);
      spans.push(span);
    }
  }
  return { characters, spans };
}

/**
 * Finds the tokens of a text in it, one after another. A token that is not in the text as such (an unknown word) takes
 * what is left of the word or the punctuation mark where it must stand.
 */
export function alignTokens(text: string, tokens: readonly string[]): Span[] {
  const { characters, spans } = foldText(text);
  let at = 0;
  return tokens.map((token) => {
    const from = at;
    const wanted = [...fold(token.replace(marks, ''))];
    // A mark alone (SentencePiece writes some) stands for the space, which is nobody's.
    const found = wanted.every((c, i) => characters[from + i] === c);
    at = found ? from + wanted.length : from + unknownLength(characters, spans, from);
    const start = spans[from]?.start ?? text.length;
    return { start, end: at === from ? start : (spans[at - 1]?.end ?? start) };
  });
}

/** Characters up to the end of the word at `from`: letters and digits without a space between, or one other sign. */
function unknownLength(
  characters: readonly string[],
  spans: readonly Span[],
  from: number,
): number {
  const isWord = (index: number) => /^[\p{L}\p{N}]$/u.test(characters[index] ?? '');
  if (!isWord(from)) return from < characters.length ? 1 : 0;
  let end = from + 1;
  const touches = (index: number) => (spans[index]?.start ?? 0) <= (spans[index - 1]?.end ?? 0);
  while (isWord(end) && touches(end)) end += 1;
  return end - from;
}
