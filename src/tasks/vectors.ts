/** Scales a vector to length 1, in place; one of zeros stays. */
export function normaliseLength(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  // The floor of torch.nn.functional.normalize.
  const length = Math.max(Math.sqrt(squares), 1e-12);
  for (let i = 0; i < vector.length; i += 1) vector[i] = (vector[i] ?? 0) / length;
  return vector;
}
