import { expect, it } from 'vitest';
import { externalDataFiles } from '../../cli/external-data.ts';
import { addExternal, denseModel } from '../support/onnx-model.ts';

const filesOf = (location: string) =>
  externalDataFiles(Buffer.from(addExternal([1], location).model));

it.each(['model.onnx.data', 'weights/größe', 'a'.repeat(120), 'b'.repeat(300)])(
  'the file that holds a model’s weights is found: %s',
  (location) => {
    expect(filesOf(location)).toEqual([location]);
  },
);

it('a model that holds its weights itself has none', () => {
  expect(externalDataFiles(Buffer.from(denseModel([4, 8, 2])))).toEqual([]);
});

it('a model’s own metadata of that name is not such a file', () => {
  // ModelProto.metadata_props: field 14.
  const metadata = Buffer.from('\x72\x10\n\blocation\x12\x04Bonn', 'latin1');
  expect(externalDataFiles(Buffer.concat([denseModel([1, 1]), metadata]))).toEqual([]);
});

it('every file is found once, and a model that ends in the middle of a name has none', () => {
  const [one, two] = [addExternal([1], 'b').model, addExternal([1], 'a').model];
  expect(externalDataFiles(Buffer.concat([one, two, one]))).toEqual(['a', 'b']);
  const cut = Buffer.from(one).indexOf('location') + 8;
  expect(externalDataFiles(Buffer.from(one.subarray(0, cut)))).toEqual([]);
});
