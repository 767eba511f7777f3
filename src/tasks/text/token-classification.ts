import type { TaskOf } from '../../models/task-configuration.ts';
import { pickOutput, requireDatatype, requireRank } from '../binding.ts';
import { activate, type LabelNames, resolveLabels } from '../labels.ts';
import type { MediaDecoders } from '../ports.ts';
import type { Entity, Predictor, TaskModel } from '../predictor.ts';
import { definePredictor } from '../stage.ts';
import { outputNamed, realDatatypes, rowsOf } from '../tensors.ts';
import { alignTokens, type Span } from './align.ts';
import { createTextEncoder, type EncodedText } from './encoder.ts';
import { textOf } from './input.ts';
import { runTexts } from './run.ts';

type Configuration = TaskOf<'token-classification'>;

/** A text in, the named things in it out. */
export async function createTokenClassifier(
  configuration: Configuration,
  model: TaskModel,
  decoders: MediaDecoders,
): Promise<Predictor> {
  const output = pickOutput(model, 'output', configuration.output);
  requireDatatype(model, 'output', output, realDatatypes);
  requireRank(model, 'output', output, [['texts', 'tokens', 'classes']]);
  const labels = await resolveLabels(model, configuration.labels, output.shape[2] ?? -1);
  const encoder = await createTextEncoder(configuration.tokenizer, model, decoders);

  return definePredictor({
    task: configuration.type,
    prepare: (input) => encoder.encode(textOf(input)),
    execute: (texts, _parameters, context) =>
      runTexts(encoder, texts, output.name, context, (outputs, group, length) =>
        rowsOf(outputNamed(outputs, output.name), group.length).flatMap((row, index) => {
          const text = group[index];
          if (text === undefined) return [];
          const tokens = scoreTokens(row, length, text, encoder.continuationMark);
          return [
            { type: 'entities', entities: findEntities(text.text, tokens, configuration, labels) },
          ];
        }),
      ),
  });
}

/** A token, or a word put together from some, with the probability of each label. */
export interface ScoredToken extends Span {
  readonly scores: Float32Array;
  /** Goes on the word of the token before. */
  readonly continues: boolean;
}

/** @param row [tokens, classes] of one text, padded to `length` tokens */
function scoreTokens(
  row: Float32Array,
  length: number,
  text: EncodedText,
  wordMark: string | undefined,
): ScoredToken[] {
  const classes = row.length / length;
  const spans = alignTokens(text.text, text.tokens);
  return text.tokens.map((token, index) => {
    const at = (text.firstToken + index) * classes;
    const span = spans[index] ?? { start: 0, end: 0 };
    // Vocabularies that do not mark what goes on a word: no space before it, as Hugging Face takes it.
    const joined = span.start > 0 && !text.text.slice(span.start - 1, span.start + 1).includes(' ');
    return {
      ...span,
      scores: activate(row.slice(at, at + classes), 'softmax'),
      continues: wordMark === undefined ? joined : token.startsWith(wordMark),
    };
  });
}

/** Groups tokens as Hugging Face's token-classification pipeline does. */
function findEntities(
  text: string,
  tokens: readonly ScoredToken[],
  configuration: Pick<Configuration, 'aggregation' | 'ignoreLabels'>,
  labels: LabelNames,
): Entity[] {
  const { aggregation, ignoreLabels } = configuration;
  const byWord = aggregation !== 'none' && aggregation !== 'simple';
  const units = (byWord ? toWords(tokens, aggregation) : tokens).map((token) => {
    const best = argmax(token.scores);
    return { ...token, label: labels.at(best), score: token.scores[best] ?? 0 };
  });
  const groups = aggregation === 'none' ? units.map((unit) => [unit]) : groupUnits(units);
  return groups.flatMap((group) => {
    const [first] = group;
    const last = group.at(-1);
    if (first === undefined || last === undefined) return [];
    const name = aggregation === 'none' ? first.label : tagOf(first.label).tag;
    if (ignoreLabels.includes(name) || ignoreLabels.includes(first.label)) return [];
    const score = group.reduce((sum, unit) => sum + unit.score, 0) / group.length;
    const { start } = first;
    const { end } = last;
    return [{ entity_group: name, score, word: text.slice(start, end), start, end }];
  });
}

function toWords(
  tokens: readonly ScoredToken[],
  aggregation: 'first' | 'average' | 'max',
): ScoredToken[] {
  const words: ScoredToken[][] = [];
  for (const token of tokens) {
    const word = words.at(-1);
    if (token.continues && word !== undefined) word.push(token);
    else words.push([token]);
  }
  return words.flatMap((word) => {
    const [first] = word;
    const last = word.at(-1);
    if (first === undefined || last === undefined) return [];
    return [{ ...first, end: last.end, scores: wordScores(word, first, aggregation) }];
  });
}

function wordScores(
  word: readonly ScoredToken[],
  first: ScoredToken,
  aggregation: 'first' | 'average' | 'max',
): Float32Array {
  if (aggregation === 'first') return first.scores;
  const highest = (token: ScoredToken) => token.scores[argmax(token.scores)] ?? 0;
  if (aggregation === 'max') {
    return word.reduce((best, token) => (highest(token) > highest(best) ? token : best)).scores;
  }
  return first.scores.map(
    (_, label) => word.reduce((sum, token) => sum + (token.scores[label] ?? 0), 0) / word.length,
  );
}

interface Unit extends ScoredToken {
  readonly label: string;
  readonly score: number;
}

function groupUnits(units: readonly Unit[]): Unit[][] {
  const groups: Unit[][] = [];
  for (const unit of units) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    const { begins, tag } = tagOf(unit.label);
    if (group !== undefined && last !== undefined && !begins && tagOf(last.label).tag === tag) {
      group.push(unit);
    } else {
      groups.push([unit]);
    }
  }
  return groups;
}

/** `B-PER` begins a PER, `I-PER` and `PER` go on with one. */
function tagOf(label: string): { readonly begins: boolean; readonly tag: string } {
  if (label.startsWith('B-')) return { begins: true, tag: label.slice(2) };
  return { begins: false, tag: label.startsWith('I-') ? label.slice(2) : label };
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index += 1) {
    if ((values[index] ?? 0) > (values[best] ?? 0)) best = index;
  }
  return best;
}
