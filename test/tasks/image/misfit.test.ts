import { describe, expect, test } from 'vitest';
import { create, type Model, tensor, testMisfits } from '../support/misfits.ts';

const classifier: Model = {
  inputs: [tensor('pixels', [-1, 3, 224, 224])],
  outputs: [tensor('scores', [-1, 3])],
};
const image = { resize: { mode: 'exact', width: 224, height: 224 } };
const classify = {
  type: 'image-classification',
  activation: 'softmax',
  image,
  labels: ['a', 'b', 'c'],
};

test('a picture task that fits is taken', async () => {
  await expect(create(classify, classifier)).resolves.toMatchObject({ accepts: 'image' });
});

describe('a picture task that does not fit the model is refused while it is loaded, with the field named', () => {
  const withImage = (change: object) => ({ ...classify, image: { ...image, ...change } });
  testMisfits([
    [
      'an input that is not there',
      { ...classify, input: 'x' },
      classifier,
      /task\.input: expected one of pixels, got x/,
    ],
    ['an output that is not there', { ...classify, output: 'x' }, classifier, /task\.output/],
    [
      'two outputs and none named',
      classify,
      { ...classifier, outputs: [tensor('a', [-1, 3]), tensor('b', [-1, 3])] },
      /task\.output: expected one of a, b, got nothing/,
    ],
    [
      'an input that nobody fills',
      { ...classify, input: 'pixels' },
      { ...classifier, inputs: [...classifier.inputs, tensor('size', [-1, 2])] },
      /input size besides/,
    ],
    [
      'gray for three channels',
      withImage({ colour: 'gray' }),
      classifier,
      /task\.image\.colour: expected 3/,
    ],
    ['another layout', withImage({ layout: 'nhwc' }), classifier, /task\.image\.colour/],
    [
      'another width',
      withImage({ resize: { mode: 'exact', width: 256, height: 224 } }),
      classifier,
      /task\.image\.resize\.width: expected 224, .* got 256/,
    ],
    [
      'a mode that gives no size',
      withImage({ resize: { mode: 'shortest-edge', edge: 256 } }),
      classifier,
      /task\.image\.resize: expected a mode that gives the size/,
    ],
    [
      'means for another number of channels',
      withImage({ mean: [0.5, 0.5] }),
      classifier,
      /task\.image\.mean/,
    ],
    [
      'cubic without antialiasing',
      withImage({ interpolation: 'bicubic', antialias: false }),
      classifier,
      /task\.image\.interpolation/,
    ],
    [
      'corners with antialiasing',
      withImage({ sampling: 'corners' }),
      classifier,
      /task\.image\.sampling/,
    ],
    [
      'no image section and no file',
      { ...classify, image: undefined },
      classifier,
      /preprocessor_config\.json/,
    ],
    [
      'two labels for three classes',
      { ...classify, labels: ['a', 'b'] },
      classifier,
      /task\.labels: expected 3/,
    ],
    [
      'labels.txt of another length',
      { ...classify, labels: undefined },
      { ...classifier, labels: ['a'] },
      /task\.labels: expected 3 .* got 1/,
    ],
    [
      'pictures into integers',
      classify,
      { ...classifier, inputs: [tensor('pixels', [-1, 3, 224, 224], 'INT64')] },
      /task\.input: expected a tensor of FP32/,
    ],
    [
      'a first dimension of four',
      classify,
      { ...classifier, inputs: [tensor('pixels', [4, 3, 224, 224])] },
      /task\.input: expected a first dimension/,
    ],
    [
      'characters for another number of classes',
      {
        type: 'text-recognition',
        charactersFile: 'keys.txt',
        image: { resize: { mode: 'height', height: 48 } },
      },
      {
        inputs: [tensor('x', [-1, 3, 48, -1])],
        outputs: [tensor('y', [-1, -1, 9])],
        files: { 'keys.txt': 'a\nb\n' },
      },
      /task\.charactersFile: .* 9 classes, got 4/,
    ],
  ]);
});
