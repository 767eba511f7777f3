import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { datatypes } from '../../../src/protocol/datatype.ts';
import { convertData } from '../../../src/protocol/formats/convert.ts';
import { formatNpy, parseNpy } from '../../../src/protocol/formats/npy.ts';
import { bitsOf, tensors } from '../arbitraries.ts';

/** Files by NumPy itself; numpy-arrays.py made them. */
const files: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('numpy-arrays.json', import.meta.url), 'utf8'),
);

function numpy(name: string): Uint8Array {
  return Buffer.from(files[name] ?? '', 'base64');
}

function values(name: string): unknown {
  const { datatype, shape, data } = parseNpy(numpy(name));
  return { datatype, shape, data: Array.from<unknown>(data) };
}

describe('a .npy file by NumPy', () => {
  it.each([
    ['<f4', 'FP32'],
    ['>f4', 'FP32'],
    ['<f8', 'FP64'],
    ['>f8', 'FP64'],
    ['<i4', 'INT32'],
    ['>i2', 'INT16'],
    ['|i1', 'INT8'],
    ['|u1', 'UINT8'],
    ['<u2', 'UINT16'],
    ['>u4', 'UINT32'],
    ['fortran', 'FP32'],
    ['version 2', 'FP32'],
    ['version 3', 'FP32'],
  ])('of %s is read', (name, datatype) => {
    expect(values(name)).toEqual({ datatype, shape: [2, 3], data: [1, 2, 3, 4, 5, 6] });
  });

  it.each([
    ['<i8', 'INT64', [2, 3], [1n, 2n, 3n, 4n, 5n, 6n]],
    ['>i8', 'INT64', [2, 3], [1n, 2n, 3n, 4n, 5n, 6n]],
    ['<u8', 'UINT64', [2, 3], [1n, 2n, 3n, 4n, 5n, 6n]],
    ['<f2', 'FP16', [2, 3], [0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600]],
    ['>f2', 'FP16', [2, 3], [0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600]],
    ['booleans', 'BOOL', [3], [1, 0, 1]],
    ['scalar', 'FP32', [], [2.5]],
    ['empty', 'FP32', [0, 3], []],
    ['texts', 'BYTES', [4], ['a', 'héllo', '😀', '']],
    ['big-endian texts', 'BYTES', [3], ['a', 'héllo', '😀']],
    ['byte strings', 'BYTES', [3], ['ab', 'c', 'é']],
    ['fortran strings', 'BYTES', [2, 2], ['a', 'b', 'c', 'dé']],
    [
      'fortran in three dimensions',
      'INT16',
      [2, 3, 4],
      Array.from({ length: 24 }, (_, index) => index),
    ],
  ])('of %s is read', (name, datatype, shape, data) => {
    expect(values(name)).toEqual({ datatype, shape, data });
  });

  it.each([
    ['complex', 'the type "c16"'],
    ['dates', 'expected a header with a plain descr'],
    ['records', 'expected a header with a plain descr'],
    ['objects', 'the type "O'],
    ['bytes that are not UTF-8', 'body[0]: expected UTF-8'],
  ])('of %s is refused', (name, message) => {
    expect(() => values(name)).toThrow(message);
  });

  it('is written as NumPy writes it', () => {
    for (const name of [
      '<f4',
      '<f8',
      '<f2',
      '<i8',
      '<i4',
      '|i1',
      '|u1',
      '<u2',
      '<u8',
      'booleans',
      'scalar',
      'empty',
      'texts',
    ]) {
      expect(Buffer.from(formatNpy(parseNpy(numpy(name))))).toEqual(numpy(name));
    }
  });

  it('is refused whatever byte is missing', () => {
    const whole = numpy('<f4');
    for (let length = 0; length < whole.length; length++) {
      expect(() => parseNpy(whole.subarray(0, length))).toThrow(/^body: expected/);
    }
  });

  it('cannot claim more than it brings', () => {
    const header = (text: string) => {
      const bytes = Buffer.from(`\x93NUMPY\x01\x00  ${text}`, 'latin1');
      bytes.writeUInt16LE(text.length, 8);
      return bytes;
    };
    const dictionary = (descr: string, shape: string) =>
      header(`{'descr': '${descr}', 'fortran_order': True, 'shape': ${shape}, }`);
    expect(() => parseNpy(dictionary('<f8', '(99999999, 99999999)'))).toThrow('product');
    expect(() => parseNpy(dictionary('<f8', '(1000000000,)'))).toThrow('8000000000 bytes of data');
    expect(() => parseNpy(dictionary('<U0', '(1000000000,)'))).toThrow('the type "U0"');
    expect(() => parseNpy(dictionary('<i0', '(1000000000,)'))).toThrow('the type "i0"');
    expect(() => parseNpy(dictionary('<f8', `(${'1,'.repeat(99)})`))).toThrow('a shape of at most');
  });
});

describe('a tensor as .npy', () => {
  it.each(datatypes)('of %s keeps every bit', (datatype) => {
    fc.assert(
      fc.property(tensors(datatype, 'binary'), (tensor) => {
        // NumPy takes zeros at the end of a string for padding.
        fc.pre(!Array.isArray(tensor.data) || tensor.data.every((text) => !text.endsWith('\0')));
        const read = parseNpy(formatNpy(tensor));
        expect(read.shape).toEqual(tensor.shape);
        expect(bitsOf({ name: 'x', ...read })).toEqual(bitsOf(tensor));
      }),
      { seed: 6, numRuns: 60 },
    );
  });
});

describe('numbers of another type than a model takes', () => {
  it('are converted when nothing but precision is lost', () => {
    const doubles = {
      datatype: 'FP64' as const,
      data: Float64Array.of(0.1, Number.NaN, Number.POSITIVE_INFINITY),
    };
    expect(convertData(doubles, 'FP32', 'body')).toEqual(
      Float32Array.of(0.1, Number.NaN, Number.POSITIVE_INFINITY),
    );
    const longs = { datatype: 'INT64' as const, data: BigInt64Array.of(-128n, 127n) };
    expect(convertData(longs, 'INT8', 'body')).toEqual(Int8Array.of(-128, 127));
    expect(convertData(longs, 'FP32', 'body')).toEqual(Float32Array.of(-128, 127));
    const bytes = { datatype: 'UINT8' as const, data: Uint8Array.of(255) };
    expect(convertData(bytes, 'UINT64', 'body')).toEqual(BigUint64Array.of(255n));
    expect(convertData(doubles, 'FP16', 'body')).toEqual(Uint16Array.of(0x2e66, 0x7e00, 0x7c00));
    const halves = { datatype: 'FP16' as const, data: Uint16Array.of(0x3555) };
    expect(convertData(halves, 'FP64', 'body')).toEqual(Float64Array.of(0.333251953125));
  });

  it('are refused otherwise', () => {
    const doubles = { datatype: 'FP64' as const, data: Float64Array.of(1, 1e39) };
    expect(() => convertData(doubles, 'FP32', 'body')).toThrow(
      'body[1]: expected a number in the range of FP32, got 1e+39',
    );
    const large = { datatype: 'UINT32' as const, data: Uint32Array.of(65_519, 65_520) };
    expect(() => convertData(large, 'FP16', 'body')).toThrow(
      'body[1]: expected a number in the range of FP16, got 65520',
    );
    expect(() => convertData(doubles, 'INT32', 'body')).toThrow(
      'body: expected an array of INT32, got FP64',
    );
    const longs = { datatype: 'INT64' as const, data: BigInt64Array.of(2n ** 62n) };
    expect(() => convertData(longs, 'INT32', 'body')).toThrow('body[0]: expected an integer');
    expect(() => convertData(longs, 'BOOL', 'body')).toThrow(
      'body: expected an array of BOOL, got INT64',
    );
  });
});
