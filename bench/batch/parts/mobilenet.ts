import { encodeModel, type Initializer, type Node } from '../../../test/support/onnx-protobuf.ts';

/** Output channels and stride of each block (Howard et al. 2017, MobileNets, table 1). */
const blocks = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
] as const;

/**
 * MobileNet v1 at width 1.0, FP32 `[rows, 3, 224, 224]` to `[rows, 1000]`: the layers of the paper without the
 * normalisations that an export folds, and weights that are a function of their place. It takes the time of the real
 * one, and nothing has to be fetched for it.
 */
export function mobileNet(): Uint8Array {
  const initializers: Initializer[] = [];
  const nodes: Node[] = [];
  let current = 'x';
  let channels = 3;
  let layers = 0;
  const weights = (shape: readonly number[]): string => {
    const name = `w${initializers.length}`;
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    const fan = count / (shape[0] ?? 1);
    const values = Float32Array.from(
      { length: count },
      (_, index) => Math.sin(index * 12.9898 + initializers.length) * Math.sqrt(2 / fan),
    );
    initializers.push({ name, datatype: 'FP32', shape, raw: new Uint8Array(values.buffer) });
    return name;
  };
  const convolve = (out: number, kernel: number, stride: number, group: number) => {
    const pad = kernel === 3 ? 1 : 0;
    const y = `c${layers}`;
    nodes.push(
      {
        operator: 'Conv',
        inputs: [current, weights([out, channels / group, kernel, kernel])],
        outputs: [y],
        attributes: {
          kernel_shape: [kernel, kernel],
          strides: [stride, stride],
          pads: [pad, pad, pad, pad],
          group,
        },
      },
      { operator: 'Relu', inputs: [y], outputs: [`r${layers}`] },
    );
    current = `r${layers++}`;
    channels = out;
  };
  convolve(32, 3, 2, 1);
  for (const [out, stride] of blocks) {
    convolve(channels, 3, stride, channels);
    convolve(out, 1, 1, 1);
  }
  nodes.push(
    { operator: 'GlobalAveragePool', inputs: [current], outputs: ['pooled'] },
    { operator: 'Flatten', inputs: ['pooled'], outputs: ['flat'], attributes: { axis: 1 } },
    { operator: 'MatMul', inputs: ['flat', weights([1024, 1000])], outputs: ['y'] },
  );
  return encodeModel({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3, 224, 224] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1000] }],
    initializers,
    nodes,
  });
}
