import type { Datatype } from '../../src/protocol/tensor.ts';

/** ONNX graphs to the bytes of a `.onnx` file (protobuf wire format; field numbers from onnx/onnx, `onnx/onnx.proto`). */

/** `onnx.TensorProto.DataType`. */
const elementTypes: Readonly<Record<Datatype, number>> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
};

/** An input or output of a graph; -1 in `shape` is a dimension that varies. */
export interface ValueInfo {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** A sequence of such tensors. */
  readonly isSequence?: boolean;
}

/** Where a constant's bytes lie outside of the `.onnx` file. */
export interface ExternalData {
  /** Path relative to the `.onnx` file. */
  readonly location: string;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** A constant of a graph: `raw` is little-endian and row-major, as ONNX's `raw_data`, or where such bytes are. */
export interface Initializer extends ValueInfo {
  readonly raw: Uint8Array | ExternalData;
}

export interface Node {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Of another set of operators than ONNX's own; its version 3 is imported. */
  readonly domain?: 'ai.onnx.ml';
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/** Whole numbers, lists of them, floats, texts, or a subgraph. */
export type Attribute = number | readonly number[] | Float32Array | readonly string[] | Graph;

export interface Graph {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers?: readonly Initializer[];
  readonly nodes: readonly Node[];
}

/** The bytes of a `.onnx` file: IR version 8, operator set 17. */
export function encodeModel(graph: Graph): Uint8Array {
  return concat([
    varintField(1, 8),
    bytesField(2, utf8('pilotlight-test')),
    bytesField(7, encodeGraph(graph)),
    bytesField(8, varintField(2, 17)),
    ...(graph.nodes.some(({ domain }) => domain !== undefined)
      ? [bytesField(8, concat([bytesField(1, utf8('ai.onnx.ml')), varintField(2, 3)]))]
      : []),
  ]);
}

function encodeGraph(graph: Graph): Uint8Array {
  return concat([
    ...graph.nodes.map((node) => bytesField(1, encodeNode(node))),
    bytesField(2, utf8('graph')),
    ...(graph.initializers ?? []).map((tensor) => bytesField(5, encodeInitializer(tensor))),
    ...graph.inputs.map((value) => bytesField(11, encodeValueInfo(value))),
    ...graph.outputs.map((value) => bytesField(12, encodeValueInfo(value))),
  ]);
}

function encodeNode(node: Node): Uint8Array {
  return concat([
    ...node.inputs.map((name) => bytesField(1, utf8(name))),
    ...node.outputs.map((name) => bytesField(2, utf8(name))),
    bytesField(4, utf8(node.operator)),
    ...Object.entries(node.attributes ?? {}).map(([name, value]) =>
      bytesField(5, encodeAttribute(name, value)),
    ),
    ...(node.domain === undefined ? [] : [bytesField(7, utf8(node.domain))]),
  ]);
}

/** `onnx.AttributeProto.AttributeType`: INT 2, GRAPH 5, FLOATS 6, INTS 7, STRINGS 8. */
function encodeAttribute(name: string, value: Attribute): Uint8Array {
  const named = bytesField(1, utf8(name));
  if (typeof value === 'number') return concat([named, varintField(3, value), varintField(20, 2)]);
  if ('nodes' in value) {
    return concat([named, bytesField(6, encodeGraph(value)), varintField(20, 5)]);
  }
  if (value instanceof Float32Array) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return concat([named, bytesField(7, bytes), varintField(20, 6)]);
  }
  const items = value.map((item) =>
    typeof item === 'number' ? varintField(8, item) : bytesField(9, utf8(item)),
  );
  const isTexts = typeof value[0] === 'string';
  return concat([named, ...items, varintField(20, isTexts ? 8 : 7)]);
}

function encodeInitializer(tensor: Initializer): Uint8Array {
  return concat([
    ...tensor.shape.map((dimension) => varintField(1, dimension)),
    varintField(2, elementTypes[tensor.datatype]),
    bytesField(8, utf8(tensor.name)),
    ...(tensor.raw instanceof Uint8Array
      ? [bytesField(9, tensor.raw)]
      : encodeExternalData(tensor.raw)),
  ]);
}

/** `onnx.TensorProto.DataLocation`: EXTERNAL 1. */
function encodeExternalData(data: ExternalData): Uint8Array[] {
  const entry = (key: string, value: string) =>
    bytesField(13, concat([bytesField(1, utf8(key)), bytesField(2, utf8(value))]));
  return [
    entry('location', data.location),
    entry('offset', `${data.offsetBytes}`),
    entry('length', `${data.lengthBytes}`),
    varintField(14, 1),
  ];
}

function encodeValueInfo(value: ValueInfo): Uint8Array {
  const dimensions = value.shape.map((dimension, axis) =>
    // Every dimension that varies has a name of its own: equal names would say that they vary together.
    bytesField(
      1,
      dimension < 0 ? bytesField(2, utf8(`${value.name}${axis}`)) : varintField(1, dimension),
    ),
  );
  const tensorType = concat([
    varintField(1, elementTypes[value.datatype]),
    bytesField(2, concat(dimensions)),
  ]);
  // `onnx.TypeProto`: a tensor is its field 1, a sequence of a type its field 4.
  const type = bytesField(1, tensorType);
  const valueType = value.isSequence === true ? bytesField(4, bytesField(1, type)) : type;
  return concat([bytesField(1, utf8(value.name)), bytesField(2, valueType)]);
}

function varintField(field: number, value: number): Uint8Array {
  return Uint8Array.of(...varint(field << 3), ...varint(value));
}

function bytesField(field: number, bytes: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(...varint((field << 3) | 2), ...varint(bytes.length)), bytes]);
}

/** Base 128, least significant group first; only for numbers that are not negative. */
function varint(value: number): number[] {
  const groups: number[] = [];
  let rest = value;
  do {
    groups.push((rest % 128) | (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return groups;
}

function utf8(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
