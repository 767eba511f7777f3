import { describe, expect, it } from 'vitest';
import { decodeInvocation } from '../../../src/protocol/formats/invocation.ts';
import { parseNpy } from '../../../src/protocol/formats/npy.ts';
import type { Tensor } from '../../../src/protocol/tensor.ts';
import { invoke, table, twoRows } from './invoke.ts';

describe('the binary content types', () => {
  it('application/octet-stream is raw data of the only input, answered with names and shapes', async () => {
    const sent = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
    const { inputs, contentType, body } = await invoke(sent, table, {
      contentType: 'application/octet-stream',
    });
    expect(inputs).toEqual(twoRows);
    expect(contentType).toBe('application/octet-stream');
    expect(Buffer.from(body).subarray(-16)).toEqual(Buffer.from(sent));
  });

  it('application/vnd.sagemaker-triton.binary+json says the size of its JSON in the media type', async () => {
    const json =
      '{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}]}';
    const sent = Buffer.concat([Buffer.from(json), Buffer.from(Float32Array.of(5, 6).buffer)]);
    const contentType = `application/vnd.sagemaker-triton.binary+json;json-header-size=${json.length}`;
    const answer = await invoke(sent, table, { contentType });
    expect(answer.inputs[0]?.data).toEqual(Float32Array.of(5, 6));
    const size = Number(/json-header-size=(\d+)$/.exec(answer.contentType ?? '')?.[1]);
    expect(Buffer.from(answer.body).subarray(size)).toEqual(sent.subarray(-8));
  });

  it('application/x-npy is one array, answered as one', async () => {
    const outputs: readonly Tensor[] = [
      { name: 'y', datatype: 'INT64', shape: [1], data: BigInt64Array.of(3n) },
    ];
    const { body: sent } = await invoke('[[1,2],[3,4]]', table, { accept: 'application/x-npy' });
    expect(sent).toBeInstanceOf(Uint8Array);
    const { inputs, body } = await invoke(
      sent,
      table,
      { contentType: 'application/x-npy' },
      outputs,
    );
    expect(inputs).toEqual(twoRows);
    expect(parseNpy(Buffer.from(body))).toEqual({
      datatype: 'INT64',
      shape: [1],
      data: BigInt64Array.of(3n),
    });
    const both = [...outputs, ...outputs];
    await expect(
      invoke(sent, table, { contentType: 'application/x-npy' }, both),
    ).rejects.toMatchObject({ code: 'NOT_ACCEPTABLE' });
  });
});

describe('a request of the Open Inference Protocol', () => {
  it('has its classification labelled', async () => {
    const body =
      '{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,9]}],"outputs":[{"name":"x","parameters":{"classification":1}}]}';
    const headers = {
      contentType: undefined,
      accept: undefined,
      inferenceHeaderContentLength: undefined,
    };
    const { request, encode } = await decodeInvocation(body, headers, table);
    const response = {
      modelName: 'm',
      modelVersion: '1',
      id: undefined,
      parameters: {},
      outputs: request.inputs,
    };
    expect(encode(response, ['cat', 'dog']).body).toContain('"data":["9:1:dog"]');
  });

  it('may not have bytes behind a JSON that has no place for them', async () => {
    const headers = {
      contentType: undefined,
      accept: undefined,
      inferenceHeaderContentLength: '5',
    };
    await expect(decodeInvocation('[1,2]tail', headers, table)).rejects.toThrow(
      'body: expected 0 bytes of binary tensors',
    );
  });
});

describe('Accept', () => {
  it.each([
    [undefined, 'text/csv'],
    ['*/*', 'text/csv'],
    ['application/json', 'application/json'],
    ['text/*', 'text/csv'],
    ['application/jsonlines;q=0.5, application/json;q=0.9', 'application/json'],
    ['application/x-ndjson', 'application/jsonlines'],
    ['text/csv;q=0, */*', 'application/json'],
    ['text/html, */*;q=0.1', 'text/csv'],
  ])('%s for CSV is answered with %s', async (accept, expected) => {
    const headers = accept === undefined ? {} : { accept };
    const { contentType } = await invoke('1,2', table, { contentType: 'text/csv', ...headers });
    expect(contentType).toBe(expected);
  });

  it('is settled before the body is read', async () => {
    await expect(
      invoke('not,numbers', table, { contentType: 'text/csv', accept: 'image/png' }),
    ).rejects.toMatchObject({
      code: 'NOT_ACCEPTABLE',
    });
  });

  it('follows a Content-Type that must be known', async () => {
    await expect(
      invoke('a=1', table, { contentType: 'application/x-www-form-urlencoded' }),
    ).rejects.toMatchObject({
      code: 'UNSUPPORTED_MEDIA_TYPE',
      message: expect.stringMatching(
        /^Content-Type: expected one of application\/json, .*text\/csv.*, got "application\/x-www-form-urlencoded"$/,
      ),
    });
  });
});
