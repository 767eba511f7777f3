import type { Tensor } from '../../protocol/tensor.ts';
import type { Prediction } from '../predictor.ts';
import type { ImagePreprocessor, PreparedImage } from './preprocess.ts';

/**
 * Runs pictures in groups that have the same size, at most `limit` at a time, and puts the answers back in order.
 *
 * @param runGroup one prediction for each picture of the group
 */
export async function runGrouped(
  images: ImagePreprocessor,
  prepared: readonly PreparedImage[],
  limit: number,
  runGroup: (feed: Tensor, group: readonly PreparedImage[]) => Promise<Prediction[]>,
): Promise<Prediction[]> {
  const bySize = new Map<string, { readonly index: number; readonly image: PreparedImage }[]>();
  for (const [index, image] of prepared.entries()) {
    const size = `${image.geometry.tensorWidth}x${image.geometry.tensorHeight}`;
    const group = bySize.get(size) ?? [];
    if (group.length === 0) bySize.set(size, group);
    group.push({ index, image });
  }
  const predictions: Prediction[] = [];
  for (const members of bySize.values()) {
    for (let start = 0; start < members.length; start += Math.min(limit, members.length)) {
      const group = members.slice(start, start + limit);
      const pictures = group.map((member) => member.image);
      const answers = await runGroup(images.stack(pictures), pictures);
      for (const [place, answer] of answers.entries()) {
        const member = group[place];
        if (member !== undefined) predictions[member.index] = answer;
      }
    }
  }
  return predictions;
}
