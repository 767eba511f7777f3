import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { InferenceClient } from '../../cli/client.ts';
import type { Tensor } from '../../src/protocol/tensor.ts';
import { readWav } from './wav.ts';

/** What Silero's model takes: frames of 512 samples at 16 kHz, and a state that goes from each frame to the next. */
const sampleRate = 16_000;
const frameSamples = 512;
const stateShape = [2, 1, 128];

/** Probability of speech in each frame of 32 ms. */
export async function detectSpeech(endpoint: string, wav: Uint8Array): Promise<number[]> {
  const { samples, rate } = readWav(wav);
  if (rate !== sampleRate) throw new Error(`expected a WAV file of ${sampleRate} Hz, got ${rate}`);
  const client = new InferenceClient({ endpoint });
  const probabilities: number[] = [];
  let state: Tensor = {
    name: 'state',
    datatype: 'FP32',
    shape: stateShape,
    data: new Float32Array(stateShape.reduce((product, size) => product * size)),
  };
  for (let start = 0; start + frameSamples <= samples.length; start += frameSamples) {
    const frame = samples.subarray(start, start + frameSamples);
    const { outputs } = await client.infer('silero-vad', [
      { name: 'input', datatype: 'FP32', shape: [1, frameSamples], data: frame },
      state,
      { name: 'sr', datatype: 'INT64', shape: [], data: BigInt64Array.of(BigInt(sampleRate)) },
    ]);
    const probability = outputs.find(({ name }) => name === 'output')?.data[0];
    const next = outputs.find(({ name }) => name === 'stateN');
    if (typeof probability !== 'number' || next === undefined) {
      throw new Error('expected the outputs output and stateN');
    }
    probabilities.push(probability);
    state = { ...next, name: 'state' };
  }
  return probabilities;
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { endpoint: { type: 'string', default: 'http://127.0.0.1:8080' } },
    allowPositionals: true,
  });
  const [file = new URL('sentence.wav', import.meta.url)] = positionals;
  const probabilities = await detectSpeech(values.endpoint, readFileSync(file));
  for (const [frame, probability] of probabilities.entries()) {
    const seconds = ((frame * frameSamples) / sampleRate).toFixed(2);
    console.log(
      `${seconds} s  ${probability.toFixed(3)}  ${'#'.repeat(Math.round(probability * 40))}`,
    );
  }
}
