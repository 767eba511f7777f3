import { describe, expect, it } from 'vitest';
import type { Tensor, TensorMetadata } from '../../../src/protocol/tensor.ts';
import { columns, input, invoke, table, twoRows } from './invoke.ts';

describe('application/json', () => {
  it.each([
    ['{"instances":[[1,2],[3,4]]}', '{"predictions":[[1,2],[3,4]]}'],
    ['{"instances":[{"x":[1,2]},{"x":[3,4]}]}', '{"predictions":[[1,2],[3,4]]}'],
    ['{"instances":[{"features":[1,2]},{"features":[3,4]}]}', '{"predictions":[[1,2],[3,4]]}'],
    ['{"inputs":[[1,2],[3,4]]}', '{"outputs":[[1,2],[3,4]]}'],
    ['{"inputs":{"x":[[1,2],[3,4]]}}', '{"outputs":[[1,2],[3,4]]}'],
    ['[[1,2],[3,4]]', '{"predictions":[[1,2],[3,4]]}'],
    ['[1,2,3,4]', '{"predictions":[[1,2],[3,4]]}'],
  ])('%s is read', async (sent, answered) => {
    const { inputs, contentType, body } = await invoke(sent, table);
    expect(inputs).toEqual(twoRows);
    expect(contentType).toBe('application/json');
    expect(body).toBe(answered);
  });

  it('may be a request of the Open Inference Protocol, answered as one', async () => {
    const sent = '{"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]}]}';
    const { inputs, body } = await invoke(sent, table);
    expect(inputs).toEqual(twoRows);
    expect(body).toBe(
      '{"model_name":"m","model_version":"1","outputs":[{"name":"x","datatype":"FP32","shape":[2,2],"data":[1,2,3,4]}]}',
    );
  });

  it('puts rows of a model with several inputs together, long integers exact', async () => {
    const sent =
      '{"instances":[{"age":9223372036854775807,"city":"Ulm"},{"age":"-7","city":"Bonn"}]}';
    const { inputs, body } = await invoke(sent, columns);
    expect(inputs).toEqual([
      {
        name: 'age',
        datatype: 'INT64',
        shape: [2, 1],
        data: BigInt64Array.of(2n ** 63n - 1n, -7n),
      },
      { name: 'city', datatype: 'BYTES', shape: [2, 1], data: ['Ulm', 'Bonn'] },
    ]);
    expect(body).toBe(
      '{"predictions":[{"age":["9223372036854775807"],"city":["Ulm"]},{"age":[-7],"city":["Bonn"]}]}',
    );
  });

  it('fits a value to the rank that the model has', async () => {
    const image = [input('i', 'UINT8', -1, 2, 2)];
    const shapeOf = async (sent: string, model: readonly TensorMetadata[]) =>
      (await invoke(sent, model)).inputs[0]?.shape;
    expect(await shapeOf('[[1,2],[3,4]]', image)).toEqual([1, 2, 2]);
    expect(await shapeOf('{"instances":[[[1,2],[3,4]]]}', image)).toEqual([1, 2, 2]);
    expect(await shapeOf('[1,2,3,4,5,6,7,8]', image)).toEqual([2, 2, 2]);
    expect(await shapeOf('{"instances":[1,2,3]}', [input('x', 'FP64', -1, 1)])).toEqual([3, 1]);
    expect(await shapeOf('{"instances":[[1,2]]}', [input('x', 'FP64', 2)])).toEqual([2]);
    expect(await shapeOf('{"inputs":5}', [input('x', 'FP64')])).toEqual([]);
  });

  it('answers by name when the outputs have no rows in common', async () => {
    const outputs: readonly Tensor[] = [
      { name: 'loss', datatype: 'FP64', shape: [], data: Float64Array.of(0.5) },
      { name: 'flags', datatype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) },
    ];
    const { body } = await invoke('[[1,2]]', table, {}, outputs);
    expect(body).toBe('{"outputs":{"loss":0.5,"flags":[true,false]}}');
  });

  it.each([
    ['{}', 'body: expected an object with "inputs" or "instances", got an empty object'],
    ['{"a":1}', 'body: expected an object with "inputs" or "instances", got an object with "a"'],
    ['{"instances":[]}', 'instances: expected at least one row, got none'],
    [
      '{"instances":[[1,"2"]]}',
      'instances[0][1]: expected a number in the range of FP32, got the string "2"',
    ],
    [
      '{"instances":[[1,2],[3]]}',
      'instances[1]: expected 2 elements as the shape [2,2] says, got 1',
    ],
    [
      '{"instances":[[[[1]]]]}',
      'instances: expected 2 dimensions [-1,2] for input "x", got 4 [1,1,1,1]',
    ],
    ['[1,2,3]', 'body: expected a multiple of 2 elements of FP32 for the shape [-1,2], got 3'],
    ['[1', 'body: expected JSON, got '],
  ])('%s is refused', async (sent, message) => {
    await expect(invoke(sent, table)).rejects.toThrow(message);
  });

  it('is refused without a name where the model has several inputs', async () => {
    await expect(invoke('[1]', columns)).rejects.toThrow(
      'body: expected a model with exactly one input',
    );
    await expect(invoke('{"inputs":{"age":[1]}}', columns)).rejects.toThrow(
      'inputs.city: expected a value, got nothing',
    );
    await expect(invoke('{"instances":[{"age":1}]}', columns)).rejects.toThrow(
      'instances[0]: expected an object with "city", got an object',
    );
    const odd = [input('constructor', 'FP32', -1), input('x', 'FP32', -1)];
    await expect(invoke('{"instances":[{"x":1}]}', odd)).rejects.toThrow(
      'an object with "constructor"',
    );
  });
});

describe('application/jsonlines', () => {
  const contentType = 'application/jsonlines';

  it('has a row on each line, both ways', async () => {
    const { inputs, body } = await invoke('[1,2]\n\n{"features":[3,4]}\r\n', table, {
      contentType,
    });
    expect(inputs).toEqual(twoRows);
    expect(body).toBe('[1,2]\n[3,4]\n');
  });

  it('names the line of an error', async () => {
    await expect(invoke('[1,2]\n[3,}', table, { contentType })).rejects.toThrow(
      'lines[1]: expected JSON, got',
    );
    await expect(invoke('[1,2]\n[3,null]', table, { contentType })).rejects.toThrow(
      'lines[1][1]: expected a number',
    );
    await expect(invoke('', table, { contentType })).rejects.toThrow(
      'lines: expected at least one row',
    );
  });

  it('cannot carry outputs without rows in common', async () => {
    const outputs: readonly Tensor[] = [
      { name: 'a', datatype: 'FP64', shape: [], data: Float64Array.of(1) },
      { name: 'b', datatype: 'FP64', shape: [2], data: Float64Array.of(1, 2) },
    ];
    await expect(invoke('[1,2]', table, { contentType }, outputs)).rejects.toMatchObject({
      code: 'NOT_ACCEPTABLE',
    });
  });
});
