import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServingError } from '../../src/errors.ts';
import { decodeInferRequest } from '../../src/protocol/decode-request.ts';
import { decodeInferResponse } from '../../src/protocol/decode-response.ts';
import { encodeInferResponse } from '../../src/protocol/encode-response.ts';
import { decodeInvocation } from '../../src/protocol/formats/invocation.ts';
import type { InferRequest } from '../../src/protocol/infer.ts';
import type { Tensor, TensorMetadata } from '../../src/protocol/tensor.ts';
import { validateInputs, validateRequestedOutputs } from '../../src/protocol/validate.ts';
import { hostileRequest, pick, seededRandom } from './mutator.ts';

const models: readonly (readonly TensorMetadata[])[] = [
  [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
  [{ name: 'x', datatype: 'INT64', shape: [-1, -1] }],
  [
    { name: 'x', datatype: 'FP32', shape: [2, 2] },
    { name: 's', datatype: 'BYTES', shape: [-1] },
  ],
  [{ name: 'x', datatype: 'BYTES', shape: [] }],
  [],
];

function dataBytes({ data }: Tensor): number {
  return Array.isArray(data) ? data.join('').length * 2 : data.byteLength;
}

/** Runs the step; what it throws must be a 4xx with a message for the caller. Whether it went through. */
async function refusesWell(
  step: () => unknown,
  messages: Set<string> = new Set(),
): Promise<boolean> {
  try {
    await step();
    return true;
  } catch (thrown) {
    if (!(thrown instanceof ServingError)) throw thrown;
    expect(thrown.statusCode).toBeGreaterThanOrEqual(400);
    expect(thrown.statusCode).toBeLessThan(500);
    expect(thrown.message).toMatch(/^[^:]+: ./);
    expect(thrown.message.length).toBeLessThan(1_000);
    messages.add(thrown.message.replaceAll(/\d+/g, '0'));
    return false;
  }
}

/** What every decoded request holds, whatever it came from. */
function expectSound(request: InferRequest, bodyBytes: number): void {
  let size = 0;
  for (const { shape, data, ...input } of request.inputs) {
    expect(data.length).toBe(shape.reduce((product, length) => product * length, 1));
    size += dataBytes({ ...input, shape, data });
  }
  // Eight bytes for the two characters `1,` is the most that a body can be blown up to.
  expect(size).toBeLessThanOrEqual(bodyBytes * 4 + 64);
}

function serve(request: InferRequest, model: readonly TensorMetadata[], bodyBytes: number): void {
  expectSound(request, bodyBytes);
  validateInputs(request.inputs, model);
  validateRequestedOutputs(request.outputs, model);
  encodeInferResponse(
    { modelName: 'm', modelVersion: '1', id: request.id, parameters: {}, outputs: request.inputs },
    request.outputs,
    { binaryOutputs: request.binaryOutputs },
  );
}

describe('hostile requests', () => {
  it('are refused with a 4xx that names a field, and never anything else', async () => {
    const random = seededRandom(20_260_401);
    const messages = new Set<string>();
    let decoded = 0;
    const cases = 4_000;
    for (let index = 0; index < cases; index++) {
      const { body, inferenceHeaderContentLength } = hostileRequest(random);
      const model = pick(random, models);
      await refusesWell(() => {
        const request = decodeInferRequest(body, { inferenceHeaderContentLength }, model);
        decoded++;
        serve(request, model, body.length);
      }, messages);
    }
    // What the mutations must reach, or they would only ever test the first check.
    expect(decoded).toBeGreaterThan(cases / 20);
    expect(decoded).toBeLessThan(cases / 2);
    expect(messages.size).toBeGreaterThan(100);
  });

  it('are refused likewise in every content type', async () => {
    const random = seededRandom(7);
    const contentTypes = [
      'application/json',
      'application/jsonlines',
      'text/csv',
      'text/csv; header=present',
      'application/x-npy',
      'application/octet-stream',
      'application/vnd.sagemaker-triton.binary+json;json-header-size=40',
    ];
    for (let index = 0; index < 3_000; index++) {
      const { body, inferenceHeaderContentLength } = hostileRequest(random);
      const model = pick(random, models);
      const contentType = pick(random, contentTypes);
      const accept = pick(random, [undefined, ...contentTypes]);
      await refusesWell(async () => {
        const headers = { contentType, accept, inferenceHeaderContentLength };
        const invocation = await decodeInvocation(body, headers, model);
        expectSound(invocation.request, body.length);
        await invocation.encode({
          modelName: 'm',
          modelVersion: '1',
          id: undefined,
          parameters: {},
          outputs: invocation.request.inputs,
        });
      });
    }
  });

  it('may be any bytes, any text and any JSON', async () => {
    const headers = fc.option(fc.string({ maxLength: 6 }), { nil: undefined });
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.json({ maxDepth: 6 }),
    );
    await fc.assert(
      fc.asyncProperty(bodies, headers, async (body, inferenceHeaderContentLength) => {
        const options = { inferenceHeaderContentLength };
        await refusesWell(() => decodeInferRequest(body, options, models[0] ?? []));
        await refusesWell(() => decodeInferResponse(body, options));
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  it('cannot nest deeply enough to exhaust the stack', async () => {
    const deep = (levels: number) => `${'['.repeat(levels)}9007199254740993${']'.repeat(levels)}`;
    for (const levels of [31, 33, 1_000, 200_000]) {
      for (const datatype of ['FP32', 'INT64']) {
        const body = `{"inputs":[{"name":"x","shape":[1,1],"datatype":"${datatype}","data":${deep(levels)}}]}`;
        expect(await refusesWell(() => decodeInferRequest(body, {}, []))).toBe(false);
        const model: TensorMetadata = { name: 'x', datatype: 'INT64', shape: [-1, -1] };
        const headers = {
          contentType: undefined,
          accept: undefined,
          inferenceHeaderContentLength: undefined,
        };
        const inner = `{"instances":${deep(levels)}}`;
        expect(await refusesWell(() => decodeInvocation(inner, headers, [model]))).toBe(false);
      }
    }
  });

  it('cannot make it allocate more than they bring', async () => {
    const shapes = ['[2147483647]', '[1,2147483647]', '[65536,65536]', '[1,1,1,1073741824]'];
    const before = process.memoryUsage().arrayBuffers;
    for (const shape of shapes) {
      for (const data of ['"data":[1]', '"data":[[1]]', '"parameters":{"binary_data_size":1}']) {
        const body = `{"inputs":[{"name":"x","shape":${shape},"datatype":"FP64",${data}}]}`;
        const options = { inferenceHeaderContentLength: `${body.length}` };
        expect(await refusesWell(() => decodeInferRequest(body, options, []))).toBe(false);
      }
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });

  it('cannot change the prototype of anything', () => {
    const body = `{"__proto__":{"polluted":1},"parameters":{"__proto__":2},"inputs":[{"__proto__":{"name":"y"},
      "name":"x","shape":[1],"datatype":"FP32","data":[1]}]}`;
    const request = decodeInferRequest(body, {}, []);
    expect(Object.getPrototypeOf(request.parameters)).toBe(Object.prototype);
    expect(request.inputs[0]?.name).toBe('x');
    expect({}).not.toHaveProperty('polluted');
  });
});
