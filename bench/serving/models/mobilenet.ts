import { encodeModel, type Initializer, type Node } from '../../../test/support/onnx-protobuf.ts';

/** Expansion, channels, repeats and stride of MobileNetV2's blocks (Sandler et al. 2018, table 2). */
const blocks = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/**
 * MobileNetV2's graph, 3.5 million weights that are a function of their position: `x` FP32 `[-1, 3, 224, 224]` to `y`
 * FP32 `[-1, 1000]`. It predicts nothing, and takes as long as one that does.
 */
export function mobileNet(): Uint8Array {
  const initializers: Initializer[] = [];
  const nodes: Node[] = [];
  let values = 0;

  function weights(shape: readonly number[], fanIn: number): string {
    const name = `w${initializers.length}`;
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    const data = Float32Array.from(
      { length: count },
      (_, index) => Math.sin(index * 1.7 + initializers.length) / Math.sqrt(fanIn),
    );
    initializers.push({ name, datatype: 'FP32', shape, raw: new Uint8Array(data.buffer) });
    return name;
  }

  function add(operator: string, inputs: readonly string[], attributes: Node['attributes'] = {}) {
    const output = `v${values++}`;
    nodes.push({ operator, inputs, outputs: [output], attributes });
    return output;
  }

  function convolution(
    input: string,
    channels: { readonly in: number; readonly out: number; readonly groups?: number },
    size: 1 | 3,
    stride: number,
  ): string {
    const groups = channels.groups ?? 1;
    const perGroup = channels.in / groups;
    const kernel = weights([channels.out, perGroup, size, size], perGroup * size * size);
    const padding = size === 3 ? 1 : 0;
    return add('Conv', [input, kernel, weights([channels.out], 100)], {
      group: groups,
      kernel_shape: [size, size],
      pads: [padding, padding, padding, padding],
      strides: [stride, stride],
    });
  }

  const relu = (input: string) => add('Relu', [input]);
  let channels = 32;
  let current = relu(convolution('x', { in: 3, out: channels }, 3, 2));
  for (const [expansion, out, repeats, firstStride] of blocks) {
    for (let repeat = 0; repeat < repeats; repeat++) {
      const stride = repeat === 0 ? firstStride : 1;
      const wide = channels * expansion;
      const block = current;
      if (expansion > 1) current = relu(convolution(current, { in: channels, out: wide }, 1, 1));
      current = relu(convolution(current, { in: wide, out: wide, groups: wide }, 3, stride));
      current = convolution(current, { in: wide, out }, 1, 1);
      if (stride === 1 && channels === out) current = add('Add', [block, current]);
      channels = out;
    }
  }
  current = relu(convolution(current, { in: channels, out: 1280 }, 1, 1));
  current = add('Flatten', [add('GlobalAveragePool', [current])], { axis: 1 });
  const matrix = weights([1280, 1000], 1280);
  nodes.push({ operator: 'Gemm', inputs: [current, matrix, weights([1000], 100)], outputs: ['y'] });
  return encodeModel({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3, 224, 224] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1000] }],
    initializers,
    nodes,
  });
}
