import type { SRC } from '@alexanderolsen/libsamplerate-js/dist/src.js';

/** Converters kept, one a pair of rates: making one takes longer than resampling seconds with it. */
const maxConverters = 4;
/** Samples that one call of the library takes or gives at most (1,008,000), with a margin. */
const maxSamples = 1_000_000;
/** Samples of the source that a block is at most. */
const blockSamples = 500_000;
/** Half of the fastest sinc filter of libsamplerate, in samples of the lower rate, with a margin. */
const filterSamples = 64;

const converters = new Map<string, Promise<SRC>>();

async function create(fromRate: number, toRate: number): Promise<SRC> {
  const { default: library } = await import('@alexanderolsen/libsamplerate-js');
  return library.create(1, fromRate, toRate, {
    converterType: library.ConverterType.SRC_SINC_FASTEST,
  });
}

/** The least recently used one is forgotten when there are too many, and its memory collected. */
function converterFor(fromRate: number, toRate: number): Promise<SRC> {
  const key = `${fromRate} ${toRate}`;
  const converter = converters.get(key) ?? create(fromRate, toRate);
  converters.delete(key);
  converters.set(key, converter);
  for (const oldest of converters.keys()) {
    if (converters.size <= maxConverters) break;
    converters.delete(oldest);
  }
  return converter;
}

/**
 * Resamples mono samples with libsamplerate (WebAssembly), which is loaded by the first call.
 *
 * @returns round(samples.length * toRate / fromRate) samples
 */
export async function resample(
  samples: Float32Array,
  fromRate: number,
  toRate: number,
): Promise<Float32Array> {
  if (fromRate === toRate) return samples;
  const converter = await converterFor(fromRate, toRate);
  const wanted = Math.round((samples.length * toRate) / fromRate);
  const resampled = new Float32Array(wanted);
  for (const block of blocksOf(samples.length, fromRate, toRate)) {
    const piece = converter.simple(
      samples.slice(block.from - block.before, block.to + block.after),
    );
    const skipped = (block.before * toRate) / fromRate;
    const at = (block.from * toRate) / fromRate;
    const count = block.after === 0 ? wanted - at : ((block.to - block.from) * toRate) / fromRate;
    resampled.set(piece.subarray(skipped, skipped + count), at);
  }
  return resampled;
}

/** A stretch of the source, and how much around it the filter sees. */
interface Block {
  readonly from: number;
  readonly to: number;
  readonly before: number;
  readonly after: number;
}

/**
 * Long sound in blocks that begin where a sample of the source and one of the target fall together, each resampled by
 * itself with what the filter needs around it: the result is that of the whole. The library's own way for long sound cuts
 * odd rates at fractions of a sample and loses the end.
 */
function* blocksOf(length: number, fromRate: number, toRate: number): Generator<Block> {
  const ratio = toRate / fromRate;
  if (length * Math.max(1, ratio) <= maxSamples) {
    yield { from: 0, to: length, before: 0, after: 0 };
    return;
  }
  const unit = fromRate / greatestCommonDivisor(fromRate, toRate);
  const margin = Math.ceil(filterSamples * Math.max(1, 1 / ratio));
  const before = Math.ceil(margin / unit) * unit;
  const room = Math.min(blockSamples, maxSamples / ratio - before - margin);
  const size = Math.max(1, Math.floor(room / unit)) * unit;
  for (let from = 0; from < length; from += size) {
    const to = Math.min(length, from + size);
    yield { from, to, before: Math.min(before, from), after: Math.min(margin, length - to) };
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
