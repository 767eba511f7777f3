import { invalidRequest, ServingError } from '../../errors.ts';
import type { AudioDecoder } from '../../tasks/ports.ts';
import { openCompressed } from './compressed.ts';
import { resample } from './resampler.ts';
import { type DecodedPart, isWave, readWave } from './wave.ts';

/** Rates that sound is recorded at and libsamplerate takes; what is beyond is a broken header. */
const lowestRate = 1000;
const highestRate = 192_000;

/** Decodes sound with WebAssembly decoders and resamples it, each loaded by the first sound that needs it. */
export function createAudioDecoder(): AudioDecoder {
  return {
    async decode(bytes, { sampleRate, maxSeconds }) {
      if (bytes.length === 0) throw invalidRequest('sound', 'WAV, FLAC, MP3 or Ogg', 'no bytes');
      const collected = await collect(partsOf(bytes), maxSeconds);
      return resample(collected.samples, collected.sampleRate, sampleRate);
    },
  };
}

function partsOf(bytes: Uint8Array): Iterable<DecodedPart> | AsyncIterable<DecodedPart> {
  return isWave(bytes) ? readWave(bytes) : openCompressed(bytes);
}

interface Mono {
  readonly samples: Float32Array;
  readonly sampleRate: number;
}

/** Joins the parts, channels averaged; stops as soon as there is more than may be. */
async function collect(
  parts: Iterable<DecodedPart> | AsyncIterable<DecodedPart>,
  maxSeconds: number,
): Promise<Mono> {
  const mono: Float32Array[] = [];
  let sampleRate: number | undefined;
  let count = 0;
  for await (const part of parts) {
    const length = part.channels[0]?.length ?? 0;
    if (length === 0) continue;
    if (!(part.sampleRate >= lowestRate && part.sampleRate <= highestRate)) {
      throw invalidRequest(
        'sound',
        `a rate of ${lowestRate} to ${highestRate} Hz`,
        `${part.sampleRate}`,
      );
    }
    sampleRate ??= part.sampleRate;
    if (part.sampleRate !== sampleRate) {
      throw invalidRequest(
        'sound',
        'one sample rate',
        `${sampleRate} and then ${part.sampleRate} Hz`,
      );
    }
    count += length;
    if (count > maxSeconds * sampleRate) {
      throw new ServingError(
        'PAYLOAD_TOO_LARGE',
        `sound: expected at most ${maxSeconds} s, got more`,
      );
    }
    mono.push(average(part.channels));
  }
  if (sampleRate === undefined) throw invalidRequest('sound', 'at least one sample', 'none');
  const samples = new Float32Array(count);
  let at = 0;
  for (const part of mono) {
    samples.set(part, at);
    at += part.length;
  }
  return { samples, sampleRate };
}

function average(channels: readonly Float32Array[]): Float32Array {
  const [first, ...others] = channels;
  if (first === undefined) return new Float32Array();
  if (others.length === 0) return first;
  return first.map((sample, index) => {
    const sum = others.reduce((so, channel) => so + (channel[index] ?? 0), sample);
    return sum / channels.length;
  });
}
