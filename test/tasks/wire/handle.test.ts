import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { ServingError } from '../../../src/errors.ts';
import { parseNpy } from '../../../src/protocol/formats/npy.ts';
import { handlePredict } from '../../../src/tasks/wire/handle.ts';
import { decoders, loadModel, repository } from '../support/models.ts';

const portrait = await readFile(join(repository, 'examples/object-detection/grace-hopper.jpg'));
const page = await readFile(join(repository, 'examples/document-reading/pages/label.png'));
const message = await readFile(
  join(repository, 'examples/voice-activity-detection/recordings/message.wav'),
);

interface Call {
  readonly contentType?: string | undefined;
  readonly accept?: string;
  readonly body: string | Uint8Array;
}

async function call(model: string, { contentType, accept, body }: Call) {
  const { predictor, context } = await loadModel(model);
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return handlePredict(
    predictor,
    { name: model, version: '1' },
    { contentType, accept, body: bytes },
    context,
    {
      ...decoders,
      async fetchObject(bucket, key) {
        if (`${bucket}/${key}` === 'photos/grace hopper.jpg') return portrait;
        throw new ServingError('NOT_FOUND', `no object ${key}`);
      },
    },
  );
}

async function json(model: string, request: Call): Promise<unknown> {
  const { contentType, body } = await call(model, request);
  expect(contentType).toBe('application/json');
  return JSON.parse(String(body));
}

describe('embeddings', () => {
  const body = JSON.stringify({ inputs: ['the cat sat', 'on the mat'] });

  test('come as JSON, or as one array of all inputs', async () => {
    const array = await call('word-mean-64', { accept: 'application/x-npy', body });
    expect(array.contentType).toBe('application/x-npy');
    const { datatype, shape, data } = parseNpy(Buffer.from(array.body));
    expect({ datatype, shape }).toEqual({ datatype: 'FP32', shape: [2, 64] });
    const { predictions } = v.parse(
      v.object({ predictions: v.array(v.array(v.number())) }),
      await json('word-mean-64', { body }),
    );
    expect(Array.from(data, Number)).toEqual(predictions.flat().map(Math.fround));
  });
});

const face = {
  model_name: 'face-detector',
  model_version: '1',
  task: 'object-detection',
  predictions: [[{ label: 'face', score: expect.closeTo(0.935, 2), box: expect.anything() }]],
};

describe('a picture', () => {
  test('comes as itself, as bytes, as base64, as a data URL or as an S3 reference', async () => {
    const base64 = portrait.toString('base64');
    const inputs = (value: unknown) => JSON.stringify({ inputs: value });
    for (const request of [
      { contentType: 'image/jpeg', body: portrait },
      { contentType: 'application/octet-stream', body: portrait },
      { contentType: 'application/json', body: inputs(base64) },
      { body: inputs(`data:image/jpeg;base64,${base64}`) },
      { contentType: 'application/json; charset=utf-8', body: inputs([{ base64 }]) },
      { body: inputs({ s3: 's3://photos/grace hopper.jpg' }) },
    ]) {
      expect(await json('face-detector', request)).toEqual(face);
    }
  });

  test('comes with others, and each is answered', async () => {
    const inputs = [portrait.toString('base64'), page.toString('base64')];
    const answer = await json('face-detector', { body: JSON.stringify({ inputs }) });
    expect(answer).toMatchObject({ predictions: [face.predictions[0], []] });
  });

  test('is judged by the threshold that the request names', async () => {
    const base64 = portrait.toString('base64');
    const body = JSON.stringify({ inputs: base64, parameters: { threshold: 0.99 } });
    expect(await json('face-detector', { body })).toMatchObject({ predictions: [[]] });
  });

  test('of a person is answered as JSON, as a mask or as an overlay', async () => {
    const request = { contentType: 'image/jpeg', body: portrait };
    const answer = await json('selfie-segmentation', request);
    expect(answer).toMatchObject({
      predictions: [[{ label: 'person', score: expect.any(Number), mask: expect.any(String) }]],
    });
    for (const [accept, channels] of [
      ['image/png', 1],
      ['image/png; view=overlay', 3],
      ['image/png;view=mask, application/json;q=0.5', 1],
    ] as const) {
      const { contentType, body } = await call('selfie-segmentation', { ...request, accept });
      expect(contentType).toBe('image/png');
      const metadata = await sharp(Buffer.from(body)).metadata();
      expect(metadata).toMatchObject({ format: 'png', width: 512, height: 600, channels });
    }
  });
});

describe('rows', () => {
  const payment = {
    amount: 900,
    hour: 2,
    distance_km: 80,
    payments_last_hour: 4,
    card_age_days: 10,
    merchant: 'electronics',
    channel: 'online',
  };
  const columns = Object.keys(payment);
  const values = Object.values(payment);

  test('come as an object, a list, a table or CSV', async () => {
    const lines = [columns.join(','), values.join(','), '12.5,14,,0,800,grocery,chip'].join('\r\n');
    const expected = {
      predictions: [[{ label: 'fraud', score: expect.any(Number) }, { label: 'genuine' }]],
    };
    for (const request of [
      { body: JSON.stringify({ inputs: payment }) },
      { body: JSON.stringify({ inputs: [payment] }) },
      { body: JSON.stringify({ inputs: { columns, data: [values] } }) },
    ]) {
      expect(await json('fraud', request)).toMatchObject(expected);
    }
    const answer = await json('fraud', { contentType: 'text/csv', body: `\ufeff${lines}\n` });
    expect(answer).toMatchObject({
      predictions: [expected.predictions[0], [{ label: 'genuine' }, { label: 'fraud' }]],
    });
  });
});

test('sound comes as itself', async () => {
  const answer = await json('silero-vad', { contentType: 'audio/wav', body: message });
  expect(answer).toMatchObject({ predictions: [{ segments: [{}, {}], duration: 9.2233125 }] });
});

test('a pipeline answers with text and items', async () => {
  const answer = await json('ocr-page', { contentType: 'image/png', body: page });
  expect(answer).toMatchObject({
    task: 'pipeline',
    predictions: [{ text: expect.stringContaining('Lot 48-2291'), items: [{}, {}, {}] }],
  });
});

describe('a bad request is refused with the field named', () => {
  const row = JSON.stringify({ inputs: { amount: 1 } });
  const many = JSON.stringify({ inputs: Array(5000).fill('aGk=') });
  const references = JSON.stringify({ inputs: Array(33).fill({ s3: 's3://photos/a.jpg' }) });
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  test.each<[string, Call, number, RegExp]>([
    ['digits', { body: '{' }, 400, /^body: expected JSON/],
    ['digits', { body: Buffer.from([0x7b, 0xff, 0x7d]) }, 400, /^body: expected text in UTF-8/],
    ['digits', { body: '[]' }, 400, /body/],
    ['digits', { body: '{}' }, 400, /^inputs: expected a value/],
    ['digits', { body: '{"inputs": []}' }, 400, /^inputs: expected at least one/],
    ['digits', { body: '{"inputs": 7}' }, 400, /^inputs: expected base64/],
    ['digits', { body: '{"inputs": "***"}' }, 400, /^inputs: expected base64/],
    ['digits', { body: '{"inputs": ["aGk=", "aGk="]}' }, 415, /^inputs\[0\]: picture/],
    ['digits', { body: '{"inputs": "aGk=", "input": 1}' }, 400, /"input"/],
    [
      'digits',
      { body: '{"inputs": "aGk=", "parameters": {"top_k": 0}}' },
      400,
      /^parameters\.top_k/,
    ],
    ['digits', { body: '{"inputs": "aGk=", "parameters": {"topk": 1}}' }, 400, /^parameters\.topk/],
    ['digits', { body: '{"inputs": {"s3": "https://example.org"}}' }, 400, /^inputs\.s3/],
    ['digits', { body: '{"inputs": {"s3": "s3://photos/none.jpg"}}' }, 404, /no object/],
    ['digits', { body: many }, 400, /^inputs: expected at most 4096/],
    ['digits', { body: references }, 400, /at most 32 S3 references/],
    ['digits', { body: `{"inputs": ${deep}}` }, 400, /./],
    ['digits', { contentType: 'text/plain', body: 'seven' }, 400, /expected a picture/],
    ['digits', { contentType: 'video/mp4', body: 'x' }, 415, /^Content-Type/],
    ['digits', { contentType: 'image/png', accept: 'image/png', body: 'x' }, 406, /^Accept/],
    [
      'selfie-segmentation',
      { contentType: 'image/png', accept: 'image/png;view=x', body: 'x' },
      406,
      /view/,
    ],
    ['fraud', { body: row }, 400, /column hour/],
    ['fraud', { contentType: 'text/csv', body: 'a,b\n1\n' }, 400, /csv: .*line 2/],
    ['fraud', { contentType: 'text/csv', body: 'a,b\n' }, 400, /at least one/],
    ['fraud', { contentType: 'text/csv', body: 'a\n'.repeat(5000) }, 400, /at most 4096/],
    ['fraud', { contentType: 'text/csv; charset=latin1', body: 'a\n1' }, 415, /charset/],
    [
      'fraud',
      { contentType: 'text/csv', body: ' '.repeat(9 * 2 ** 20) },
      413,
      /^body: .*bytes of text/,
    ],
    ['fraud', { body: ' '.repeat(9 * 2 ** 20) }, 413, /^body: .*bytes of text/],
    ['silero-vad', { contentType: 'audio/wav', body: portrait }, 415, /^sound/],
    ['silero-vad', { contentType: 'image/jpeg', body: portrait }, 400, /expected sound/],
  ])('%s %#', async (model, request, statusCode, message) => {
    const error: unknown = await call(model, request).then(
      () => expect.unreachable('it was answered'),
      (refused: unknown) => refused,
    );
    expect(error).toBeInstanceOf(ServingError);
    expect(error).toMatchObject({ statusCode, message: expect.stringMatching(message) });
  });
});
