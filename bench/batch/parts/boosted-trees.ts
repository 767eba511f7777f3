import { encodeModel } from '../../../test/support/onnx-protobuf.ts';

const trees = 100;
const depth = 6;
const features = 30;
const targets = 2;

/**
 * Gradient-boosted trees, FP32 `[rows, 30]` to `[rows, 2]`, as scikit-learn, XGBoost and LightGBM export them with their
 * default sizes: 100 trees of depth 6. Splits and leaves are a function of their place.
 */
export function boostedTrees(): Uint8Array {
  const splits = 2 ** depth - 1;
  const nodes = 2 ** (depth + 1) - 1;
  // Every tree is complete, and its nodes are counted as in a heap.
  const all = Array.from({ length: trees * nodes }, (_, place) => {
    const node = place % nodes;
    const isSplit = node < splits;
    return {
      tree: Math.floor(place / nodes),
      node,
      isSplit,
      feature: isSplit ? Math.floor((Math.sin(place * 12.9898) / 2 + 0.5) * features) : 0,
      value: isSplit ? Math.sin(place * 78.233) : 0,
    };
  });
  const leaves = all.filter(({ isSplit }) => !isSplit);
  return encodeModel({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, features] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, targets] }],
    nodes: [
      {
        operator: 'TreeEnsembleRegressor',
        domain: 'ai.onnx.ml',
        inputs: ['x'],
        outputs: ['y'],
        attributes: {
          n_targets: targets,
          nodes_treeids: all.map(({ tree }) => tree),
          nodes_nodeids: all.map(({ node }) => node),
          nodes_featureids: all.map(({ feature }) => feature),
          nodes_values: Float32Array.from(all, ({ value }) => value),
          nodes_modes: all.map(({ isSplit }) => (isSplit ? 'BRANCH_LEQ' : 'LEAF')),
          nodes_truenodeids: all.map(({ node, isSplit }) => (isSplit ? 2 * node + 1 : 0)),
          nodes_falsenodeids: all.map(({ node, isSplit }) => (isSplit ? 2 * node + 2 : 0)),
          target_treeids: leaves.map(({ tree }) => tree),
          target_nodeids: leaves.map(({ node }) => node),
          target_ids: leaves.map(({ tree }) => tree % targets),
          target_weights: Float32Array.from(leaves, ({ tree, node }) => Math.cos(tree * 3 + node)),
        },
      },
    ],
  });
}
