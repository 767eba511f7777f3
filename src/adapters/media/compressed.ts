import { invalidRequest, ServingError } from '../../errors.ts';
import type { DecodedPart } from './wave.ts';

/**
 * Bytes given to a decoder at a time: what it makes of them stays small, also of a bomb of silence, and so does what it
 * says on the console about corrupt ones.
 */
const bytesPerPart = 4096;

/** What the decoders of wasm-audio-decoders have in common. */
interface Decoded {
  readonly channelData: readonly Float32Array[];
  readonly sampleRate: number;
  readonly errors: readonly { readonly message: string }[];
}

interface Decoder {
  readonly ready: Promise<void>;
  decode(bytes: Uint8Array): Decoded | Promise<Decoded>;
  flush?(): Promise<Decoded>;
  free(): void;
}

function startsWith(bytes: Uint8Array, text: string, at = 0): boolean {
  return [...text].every((character, i) => bytes[at + i] === character.charCodeAt(0));
}

/** Whether an ID3 tag or the sync bits of an MPEG layer III frame come first. */
function isMpeg(bytes: Uint8Array): boolean {
  if (startsWith(bytes, 'ID3')) return true;
  const second = bytes[1] ?? 0;
  return bytes[0] === 0xff && (second & 0xe0) === 0xe0 && (second & 0x06) === 0x02;
}

/** The decoder for what the first bytes say, whatever the content type said. */
async function createDecoder(bytes: Uint8Array): Promise<Decoder> {
  if (startsWith(bytes, 'fLaC')) {
    return new (await import('@wasm-audio-decoders/flac')).FLACDecoder();
  }
  if (startsWith(bytes, 'OggS')) {
    // The identification header is the first packet of the first page, after its segment table.
    const header = 27 + (bytes[26] ?? 0);
    if (startsWith(bytes, 'OpusHead', header)) {
      return new (await import('ogg-opus-decoder')).OggOpusDecoder();
    }
    if (startsWith(bytes, '\u0001vorbis', header)) {
      return new (await import('@wasm-audio-decoders/ogg-vorbis')).OggVorbisDecoder();
    }
    if (startsWith(bytes, '\u007fFLAC', header)) {
      return new (await import('@wasm-audio-decoders/flac')).FLACDecoder();
    }
  }
  if (isMpeg(bytes)) return new (await import('mpg123-decoder')).MPEGDecoder();
  throw new ServingError(
    'UNSUPPORTED_MEDIA_TYPE',
    'sound: expected WAV, FLAC, MP3, Ogg Vorbis or Ogg Opus, got something else',
  );
}

/** Decodes part by part. @throws ServingError INVALID_REQUEST when a part is corrupt */
export async function* openCompressed(bytes: Uint8Array): AsyncGenerator<DecodedPart> {
  const decoder = await createDecoder(bytes);
  await decoder.ready;
  let decoded = 0;
  const counted = (part: DecodedPart): DecodedPart => {
    decoded += part.channels[0]?.length ?? 0;
    return part;
  };
  try {
    for (let at = 0; at < bytes.length; at += bytesPerPart) {
      const piece = bytes.subarray(at, at + bytesPerPart);
      yield counted(toPart(await orRefuse(() => decoder.decode(piece))));
    }
    if (decoder.flush !== undefined) yield counted(toPart(await orRefuse(() => decoder.flush?.())));
    const declared = declaredSamples(bytes);
    if (decoded < declared) {
      throw invalidRequest('sound', `${declared} samples`, `${decoded}: corrupt or truncated`);
    }
  } finally {
    decoder.free();
  }
}

/**
 * Samples that a FLAC file says it has (its decoder leaves out frames whose checksum is wrong); 0 where nobody says.
 * Source: RFC 9639, 8.2, STREAMINFO.
 */
function declaredSamples(bytes: Uint8Array): number {
  if (!startsWith(bytes, 'fLaC') || bytes.length < 42) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (view.getUint8(21) & 0x0f) * 2 ** 32 + view.getUint32(22);
}

function toPart(decoded: Decoded | undefined): DecodedPart {
  const [error] = decoded?.errors ?? [];
  if (error !== undefined) throw invalidRequest('sound', 'whole frames', 'corrupt ones');
  return { channels: decoded?.channelData ?? [], sampleRate: decoded?.sampleRate ?? 0 };
}

async function orRefuse<Result>(work: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    throw new ServingError('INVALID_REQUEST', 'sound: corrupt or truncated', { cause });
  }
}
