/** The value of an FP16's bits (IEEE 754 binary16): sign, 5 bits of exponent, 10 of fraction. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** From here on a number rounds to an infinity. */
const firstBeyond = 65_520;
/** The smallest normal number. */
const firstNormal = 2 ** -14;
const notANumber = 0x7e00;
const infinity = 0x7c00;

/**
 * The bits of the FP16 that is nearest to a number, ties to even; what is beyond 65504 by half a step or more is an infinity.
 * `Float16Array` would do it, but Node 22 has none.
 */
export function halfOf(value: number): number {
  if (Number.isNaN(value)) return notANumber;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= firstBeyond) return sign | infinity;
  // A subnormal number counts steps of 2^-24.
  if (size < firstNormal) return sign | roundToEven(size * 2 ** 24);
  let exponent = Math.floor(Math.log2(size));
  // The logarithm is rounded.
  if (2 ** exponent > size) exponent -= 1;
  else if (2 ** (exponent + 1) <= size) exponent += 1;
  // A fraction that rounds up to two carries into the exponent, as it should.
  const fraction = roundToEven(size / 2 ** (exponent - 10)) - 1024;
  return sign | (((exponent + 15) << 10) + fraction);
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest === 0.5) return below + (below & 1);
  return rest < 0.5 ? below : below + 1;
}
