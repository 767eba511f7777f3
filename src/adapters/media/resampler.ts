/** Resamples mono samples with libsamplerate (WebAssembly), which is loaded by the first call. */
export async function createResampler(
  fromRate: number,
  toRate: number,
): Promise<(samples: Float32Array) => Float32Array> {
  const { default: library } = await import('@alexanderolsen/libsamplerate-js');
  const converter = await library.create(1, fromRate, toRate, {
    converterType: library.ConverterType.SRC_SINC_FASTEST,
  });
  return (samples) => {
    try {
      return converter.simple(samples).slice();
    } finally {
      converter.destroy();
    }
  };
}
