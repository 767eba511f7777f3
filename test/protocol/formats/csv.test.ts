import { describe, expect, it } from 'vitest';
import type { Tensor, TensorMetadata } from '../../../src/protocol/tensor.ts';
import { columns, input, invoke, table, twoRows } from './invoke.ts';

describe('text/csv', () => {
  const contentType = 'text/csv';

  it('has a row on each line, both ways', async () => {
    const { inputs, body } = await invoke('1, 2\r\n3,4\r\n', table, { contentType });
    expect(inputs).toEqual(twoRows);
    expect(body).toBe('1,2\n3,4\n');
  });

  it('takes missing and infinite numbers, which CSV has no other form for', async () => {
    const { inputs, body } = await invoke(',-inf\nNaN,1e-3', table, { contentType });
    expect(inputs[0]?.data).toEqual(
      Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY, Number.NaN, 0.001),
    );
    expect(body).toBe('NaN,-Infinity\nNaN,0.001\n');
  });

  it('names its columns when the header is present: each an input of the model', async () => {
    const {
      inputs,
      body,
      contentType: answered,
    } = await invoke('city,age\n"Ulm, Donau",9223372036854775807\n"said ""hi""",-7\n', columns, {
      contentType: 'text/csv; header=present',
    });
    expect(inputs.map(({ name, data }) => [name, Array.from<unknown>(data)])).toEqual([
      ['age', [2n ** 63n - 1n, -7n]],
      ['city', ['Ulm, Donau', 'said "hi"']],
    ]);
    expect(answered).toBe('text/csv; header=present');
    expect(body).toBe('age,city\n9223372036854775807,"Ulm, Donau"\n-7,"said ""hi"""\n');
  });

  it('passes a header over for a model with one input, and names the columns of the answer', async () => {
    const { inputs, body } = await invoke('a,b\n1,2\n3,4', table, {
      contentType: 'text/csv;header="present"',
    });
    expect(inputs).toEqual(twoRows);
    expect(body).toBe('x[0],x[1]\n1,2\n3,4\n');
  });

  it('puts the columns of all outputs side by side', async () => {
    const outputs: readonly Tensor[] = [
      { name: 'label', datatype: 'BYTES', shape: [2], data: ['a', ''] },
      { name: 'p', datatype: 'FP32', shape: [2, 2], data: Float32Array.of(0.1, 0.9, 1, 0) },
      { name: 'ok', datatype: 'BOOL', shape: [2, 1], data: Uint8Array.of(1, 0) },
    ];
    const { body } = await invoke('1,2', table, { contentType }, outputs);
    expect(body).toBe('a,0.1,0.9,true\n"",1,0,false\n');
  });

  it('fits rows to inputs of other ranks', async () => {
    const read = async (sent: string, model: TensorMetadata) =>
      (await invoke(sent, [model], { contentType })).inputs[0]?.shape;
    expect(await read('1\n2\n3', input('x', 'FP32', -1))).toEqual([3]);
    expect(await read('1,2,3', input('x', 'FP32', 3))).toEqual([3]);
    expect(await read('1,2,3,4\n5,6,7,8', input('x', 'FP32', -1, 2, 2))).toEqual([2, 2, 2]);
    await expect(read('1,2\n3,4', input('x', 'FP32', -1, 2, 2))).rejects.toThrow(
      'body: expected each row to be one of [-1,2,2]',
    );
  });

  it.each([
    ['1,2\n3', table, 'body: expected CSV, got "Invalid Record Length'],
    ['1,2\n3,x', table, 'rows[1][1]: expected a number, got the string "x"'],
    ['1,0x10', table, 'rows[0][1]: expected a number, got the string "0x10"'],
    ['', table, 'body: expected at least one row of CSV, got none'],
    [
      '1.5',
      [input('n', 'INT32', -1)],
      'rows[0][0]: expected an integer from -2147483648 to 2147483647, got the string "1.5"',
    ],
    [
      'maybe',
      [input('b', 'BOOL', -1)],
      'rows[0][0]: expected true or false, got the string "maybe"',
    ],
    ['1,2', columns, 'body: expected a model with exactly one input'],
  ])('%j is refused', async (sent, model, message) => {
    await expect(invoke(sent, model, { contentType })).rejects.toThrow(message);
  });

  it('is refused when a column of the model is missing', async () => {
    const sent = invoke('age,town\n1,a', columns, { contentType: 'text/csv; header=present' });
    await expect(sent).rejects.toThrow('rows[0]: expected a column "city", got "age", "town"');
  });

  it('is refused when reading it would take long', async () => {
    const sent = invoke('1,2\n'.repeat(2.5 * 1024 * 1024), table, { contentType });
    await expect(sent).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });
});
