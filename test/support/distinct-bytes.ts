/** Bytes of which no part is like another, nor like one of another seed: what is moved, doubled or mixed up shows. */
export function distinctBytes(sizeBytes: number, seed = 0): Buffer {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  const first = Math.imul(seed, 0x0100_0001) + 1;
  for (let index = 0; index < words.length; index++) {
    words[index] = Math.imul(index + first, 2_654_435_761);
  }
  return Buffer.from(words.buffer, 0, sizeBytes);
}
