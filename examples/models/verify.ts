import { deepEqual, equal, ok } from 'node:assert/strict';
import * as v from 'valibot';
import { createPredictor } from '../../src/tasks/create.ts';
import { defaultParameters } from '../../src/tasks/predictor.ts';
import { decoders, golden, image, loadModel } from '../../test/tasks/support/models.ts';

/**
 * Holds the models that are too large to commit against the goldens of PyTorch and TensorFlow Lite:
 * `node examples/models/verify.ts`, after make_sentence_embedder.py, make_image_classifier.py and make_object_detector.py
 * have made them.
 */

const vectors = v.object({ sentences: v.array(v.string()), vectors: v.array(v.array(v.number())) });
const expected = await golden('examples/sentence-embeddings/golden-minilm.json', vectors);
const embedder = await loadModel('all-minilm-l6-v2');
const embeddings = await embedder.predict(
  ...expected.sentences.map((text) => ({ kind: 'text' as const, text })),
);
let largest = 0;
for (const [index, embedding] of embeddings.entries()) {
  const values = embedding.type === 'embedding' ? embedding.values : new Float32Array();
  equal(values.length, 384);
  for (const [place, value] of values.entries()) {
    largest = Math.max(largest, Math.abs(value - (expected.vectors[index]?.[place] ?? 0)));
  }
}
ok(largest < 1e-4, `all-minilm-l6-v2 differs by ${largest}`);
console.log(`all-minilm-l6-v2: ${embeddings.length} sentences, largest difference ${largest}`);

const labels = v.array(v.object({ label: v.string(), score: v.number() }));
const pictures = await golden(
  'examples/image-classification/golden-efficientnet.json',
  v.record(v.string(), v.object({ labels, features: v.array(v.number()) })),
);
const classifier = await loadModel('efficientnet-lite0');
const { configuration, model, context } = classifier;
ok(configuration.type === 'image-classification');
const extractor = await createPredictor(
  {
    type: 'image-feature-extraction',
    input: undefined,
    output: 'features',
    image: configuration.image,
    pooling: 'none',
    normalise: false,
  },
  model,
  decoders,
);
for (const [picture, { labels: wanted, features: wantedFeatures }] of Object.entries(pictures)) {
  const [prediction] = await classifier.predict(await image(`examples/${picture}`));
  const got = prediction?.type === 'labels' ? prediction.labels : [];
  deepEqual(
    got.map((one) => one.label),
    wanted.map((one) => one.label),
  );
  const differences = got.map((one, at) => Math.abs(one.score - (wanted[at]?.score ?? 0)));
  ok(Math.max(...differences) < 1e-4, `${picture} differs by ${Math.max(...differences)}`);
  const source = await image(`examples/${picture}`);
  const [features] = await extractor.predict([source], defaultParameters, context);
  const values = features?.type === 'embedding' ? Array.from(features.values) : [];
  equal(values.length, wantedFeatures.length);
  const furthest = Math.max(...values.map((one, at) => Math.abs(one - (wantedFeatures[at] ?? 0))));
  ok(furthest < 1e-4, `features of ${picture} differ by ${furthest}`);
  console.log(
    `efficientnet-lite0: ${picture} ${got[0]?.label}, difference ${Math.max(...differences)}`,
  );
}

const box = v.object({ xmin: v.number(), ymin: v.number(), xmax: v.number(), ymax: v.number() });
const objects = await golden(
  'examples/object-detection/golden-objects.json',
  v.record(v.string(), v.array(v.object({ label: v.string(), score: v.number(), box }))),
);
const detector = await loadModel('object-detector');
for (const [picture, wanted] of Object.entries(objects)) {
  const [prediction] = await detector.predict(await image(`examples/object-detection/${picture}`));
  const got = prediction?.type === 'detections' ? prediction.detections : [];
  deepEqual(
    got.map((one) => one.label),
    wanted.map((one) => one.label),
  );
  for (const [at, { score, box: corners }] of got.entries()) {
    ok(Math.abs(score - (wanted[at]?.score ?? 0)) < 1e-4, `score ${at} of ${picture}: ${score}`);
    for (const side of ['xmin', 'ymin', 'xmax', 'ymax'] as const) {
      const difference = Math.abs(corners[side] - (wanted[at]?.box[side] ?? 0));
      ok(difference < 0.1, `${side} of box ${at} on ${picture} differs by ${difference} pixels`);
    }
  }
  console.log(`object-detector: ${picture} ${got.map((one) => one.label).join(', ')}`);
}
