/** Samples of a mono WAV file of 16-bit PCM, from -1 to 1 (RIFF: chunks of a name, a length and that many bytes). */
export function readWav(file: Uint8Array): {
  readonly samples: Float32Array;
  readonly rate: number;
} {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const name = (offset: number) => String.fromCharCode(...file.subarray(offset, offset + 4));
  if (name(0) !== 'RIFF' || name(8) !== 'WAVE') throw new Error('expected a WAV file');
  let rate = 0;
  for (let offset = 12; offset + 8 <= file.byteLength; ) {
    const chunkBytes = view.getUint32(offset + 4, true);
    const start = offset + 8;
    if (name(offset) === 'fmt ') {
      const [format, channels, bits] = [0, 2, 14].map((at) => view.getUint16(start + at, true));
      if (format !== 1 || channels !== 1 || bits !== 16) {
        throw new Error('expected one channel of 16-bit PCM');
      }
      rate = view.getUint32(start + 4, true);
    } else if (name(offset) === 'data') {
      const samples = Float32Array.from(
        { length: chunkBytes / 2 },
        (_, index) => view.getInt16(start + index * 2, true) / 32_768,
      );
      return { samples, rate };
    }
    offset = start + chunkBytes + (chunkBytes % 2);
  }
  throw new Error('expected a data chunk, got none');
}
