import { encodeModel, type Initializer, type Node } from '../../../test/support/onnx-protobuf.ts';

/**
 * Graphs of well-known convolutional networks with weights that are a function of their position: they predict nothing,
 * and take as long to load and to run as those that do. `x` FP32 `[-1, 3, -1, -1]`, `y` FP32 `[-1, 1000]`.
 */
class Network {
  readonly #initializers: Initializer[] = [];
  readonly #nodes: Node[] = [];

  #weights(shape: readonly number[], fanIn: number): string {
    const index = this.#initializers.length;
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    const data = Float32Array.from(
      { length: count },
      (_, place) => Math.sin(place * 1.7 + index) / Math.sqrt(fanIn),
    );
    const name = `w${index}`;
    const raw = new Uint8Array(data.buffer);
    this.#initializers.push({ name, datatype: 'FP32', shape, raw });
    return name;
  }

  add(
    operator: string,
    inputs: readonly string[],
    attributes: NonNullable<Node['attributes']> = {},
    output = `v${this.#nodes.length}`,
  ): string {
    this.#nodes.push({ operator, inputs, outputs: [output], attributes });
    return output;
  }

  relu(input: string): string {
    return this.add('Relu', [input]);
  }

  convolution(
    input: string,
    channels: { readonly from: number; readonly to: number; readonly groups?: number },
    size: 1 | 3 | 7,
    stride: number,
  ): string {
    const groups = channels.groups ?? 1;
    const perGroup = channels.from / groups;
    const kernel = this.#weights([channels.to, perGroup, size, size], perGroup * size * size);
    const padding = (size - 1) / 2;
    return this.add('Conv', [input, kernel, this.#weights([channels.to], 100)], {
      group: groups,
      kernel_shape: [size, size],
      pads: [padding, padding, padding, padding],
      strides: [stride, stride],
    });
  }

  /** Pools what is left of the image, and ends in 1,000 classes. */
  encode(features: string, channels: number): Uint8Array {
    const pooled = this.add('Flatten', [this.add('GlobalAveragePool', [features])], { axis: 1 });
    const matrix = this.#weights([channels, 1000], channels);
    this.add('Gemm', [pooled, matrix, this.#weights([1000], 100)], {}, 'y');
    return encodeModel({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3, -1, -1] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1000] }],
      initializers: this.#initializers,
      nodes: this.#nodes,
    });
  }
}

/** Expansion, channels, repeats and stride of MobileNetV2's blocks (Sandler et al. 2018, table 2). */
const mobileNetBlocks = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** MobileNetV2: 14 MB, 0.3 thousand million multiplications for 224 by 224 pixels. */
export function mobileNet(): Uint8Array {
  const network = new Network();
  let from = 32;
  let current = network.relu(network.convolution('x', { from: 3, to: from }, 3, 2));
  for (const [expansion, to, repeats, firstStride] of mobileNetBlocks) {
    for (let repeat = 0; repeat < repeats; repeat++) {
      const stride = repeat === 0 ? firstStride : 1;
      const wide = from * expansion;
      const block = current;
      if (expansion > 1) {
        current = network.relu(network.convolution(current, { from, to: wide }, 1, 1));
      }
      const depthwise = { from: wide, to: wide, groups: wide };
      current = network.relu(network.convolution(current, depthwise, 3, stride));
      current = network.convolution(current, { from: wide, to }, 1, 1);
      if (stride === 1 && from === to) current = network.add('Add', [block, current]);
      from = to;
    }
  }
  current = network.relu(network.convolution(current, { from, to: 1280 }, 1, 1));
  return network.encode(current, 1280);
}

/** ResNet-18 (He et al. 2015, table 1): 47 MB, 1.8 thousand million multiplications for 224 by 224 pixels. */
export function resNet18(): Uint8Array {
  const network = new Network();
  let from = 64;
  let current = network.relu(network.convolution('x', { from: 3, to: from }, 7, 2));
  current = network.add('MaxPool', [current], {
    kernel_shape: [3, 3],
    pads: [1, 1, 1, 1],
    strides: [2, 2],
  });
  for (const to of [64, 128, 256, 512]) {
    for (const stride of [to === 64 ? 1 : 2, 1]) {
      const shortcut =
        from === to ? current : network.convolution(current, { from, to }, 1, stride);
      const inner = network.relu(network.convolution(current, { from, to }, 3, stride));
      const outer = network.convolution(inner, { from: to, to }, 3, 1);
      current = network.relu(network.add('Add', [shortcut, outer]));
      from = to;
    }
  }
  return network.encode(current, from);
}
