import type { ChecksumAlgorithm } from './checksums.ts';

/** Width and bit-reversed polynomial of the checksums that can be combined. */
const polynomials: Partial<Record<ChecksumAlgorithm, readonly [width: bigint, bits: bigint]>> = {
  CRC32: [32n, 0xedb88320n],
  CRC32C: [32n, 0x82f63b78n],
  CRC64NVME: [64n, 0x9a6c9329ac4bc9b5n],
};

/** Whether the checksum of a whole follows from those of its parts. */
export function canCombine(algorithm: ChecksumAlgorithm): boolean {
  return polynomials[algorithm] !== undefined;
}

/**
 * The CRC of parts put one behind the other, from their CRCs and lengths alone: appending n bytes multiplies
 * what stands before by x^8n modulo the polynomial (the method of zlib's crc32_combine).
 * @param parts base64 of each part's big-endian CRC, at least one
 * @throws Error when the algorithm is not a CRC
 */
export function combineCrcs(
  algorithm: ChecksumAlgorithm,
  parts: readonly { readonly value: string; readonly sizeBytes: number }[],
): string {
  const polynomial = polynomials[algorithm];
  if (polynomial === undefined) throw new Error(`${algorithm} of parts cannot be combined`);
  const [width, bits] = polynomial;
  // Parts are mostly of one length: its factor is worth keeping.
  const factors = new Map<number, bigint>();
  let combined = 0n;
  for (const { value, sizeBytes } of parts) {
    const factor = factors.get(sizeBytes) ?? powerOfX(8n * BigInt(sizeBytes), width, bits);
    factors.set(sizeBytes, factor);
    combined = multiply(factor, combined, width, bits) ^ fromBase64(value);
  }
  return Buffer.from(combined.toString(16).padStart(Number(width) / 4, '0'), 'hex').toString(
    'base64',
  );
}

function fromBase64(value: string): bigint {
  return BigInt(`0x${Buffer.from(value, 'base64').toString('hex')}`);
}

/** x^exponent modulo the polynomial, bit-reversed: the highest bit is x^0. */
function powerOfX(exponent: bigint, width: bigint, bits: bigint): bigint {
  let result = 1n << (width - 1n);
  let square = 1n << (width - 2n);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = multiply(square, result, width, bits);
    square = multiply(square, square, width, bits);
  }
  return result;
}

function multiply(left: bigint, right: bigint, width: bigint, bits: bigint): bigint {
  let product = 0n;
  let shifted = right;
  for (let mask = 1n << (width - 1n); mask > 0n; mask >>= 1n) {
    if (left & mask) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ bits : shifted >> 1n;
  }
  return product;
}
