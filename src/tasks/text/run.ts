import type { Tensor } from '../../protocol/tensor.ts';
import type { PredictContext, Prediction } from '../predictor.ts';
import type { EncodedText, TextEncoder } from './encoder.ts';

/** Share of a run that padding may take before the texts are split into two runs. */
const maxPadding = 0.15;

/** Texts by length, cut into runs that waste little on padding; indices of `texts`. */
export function groupByLength(
  texts: readonly EncodedText[],
  limit: number,
  fixed: boolean,
): number[][] {
  const order = texts.map((_, index) => index);
  const length = (index: number) => texts[index]?.ids.length ?? 0;
  if (!fixed) order.sort((a, b) => length(a) - length(b));
  const groups: number[][] = [];
  let tokens = 0;
  for (const index of order) {
    const group = groups.at(-1);
    const next = length(index);
    const padded = ((group?.length ?? 0) + 1) * next;
    const wasteful = !fixed && padded > (tokens + next) * (1 + maxPadding);
    if (group === undefined || group.length >= limit || wasteful) {
      groups.push([index]);
      tokens = next;
    } else {
      group.push(index);
      tokens += next;
    }
  }
  return groups;
}

/**
 * Runs texts in groups of similar length and puts the answers back in order.
 *
 * @param answer one prediction for each text, given the outputs and the length in tokens that the group was padded to
 */
export async function runTexts(
  encoder: TextEncoder,
  texts: readonly EncodedText[],
  outputName: string,
  context: PredictContext,
  answer: (
    outputs: readonly Tensor[],
    group: readonly EncodedText[],
    length: number,
  ) => Prediction[],
): Promise<Prediction[]> {
  const predictions: Prediction[] = [];
  const fixed = encoder.fixedLength !== undefined;
  for (const indices of groupByLength(texts, encoder.limit, fixed)) {
    const group = indices.flatMap((index) => texts[index] ?? []);
    const { feeds, length } = encoder.stack(group);
    const outputs = await context.run(feeds, [outputName]);
    for (const [place, prediction] of answer(outputs, group, length).entries()) {
      const index = indices[place];
      if (index !== undefined) predictions[index] = prediction;
    }
  }
  return predictions;
}
