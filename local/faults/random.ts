/**
 * A number from 0 up to, not including, 1 that depends on the seed and the text alone: FNV-1a over the text,
 * then the mixing step of the mulberry32 generator. So the same question gets the same answer, in whatever
 * order concurrent requests ask.
 */
export function seededUnit(seed: number, text: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  let mixed = (hash + 0x6d2b79f5) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}
