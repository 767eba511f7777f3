/** `StringStringEntryProto { key: "location" }` and the tag of its value (onnx/onnx, `onnx/onnx.proto`). */
const locationKey = Buffer.from('\n\blocation\x12', 'latin1');
/** The tag of `TensorProto.external_data`, of which such entries are; a model's own metadata has another. */
const externalDataTag = 0x6a;

/**
 * Files that a model keeps weights in, by the paths that its tensors have them under: relative to the model's own
 * folder. Found by the bytes of the entries that name them, for nothing else of the model is of interest here.
 */
export function externalDataFiles(model: Buffer): string[] {
  const found = new Set<string>();
  for (
    let start = model.indexOf(locationKey);
    start >= 0;
    start = model.indexOf(locationKey, start + 1)
  ) {
    const valueStart = start + locationKey.length;
    const { value: length, end } = readVarint(model, valueStart);
    const tag = Buffer.from([externalDataTag, ...varint(end + length - start)]);
    if (!model.subarray(Math.max(0, start - tag.length), start).equals(tag)) continue;
    found.add(model.toString('utf8', end, end + length));
  }
  return [...found].sort();
}

function readVarint(
  bytes: Buffer,
  start: number,
): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let index = start; index < start + 5; index++) {
    const byte = bytes[index] ?? 0;
    value += (byte % 128) * 128 ** (index - start);
    if (byte < 128) return { value, end: index + 1 };
  }
  return { value: 0, end: start };
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
}
