import { describe, expect, it } from 'vitest';
import { decodeInferRequest } from '../../src/protocol/decode-request.ts';
import { requestTimeoutMs } from '../../src/protocol/parameters.ts';
import { refusal } from './refusal.ts';

function decode(document: unknown) {
  return decodeInferRequest(JSON.stringify(document), {}, []);
}

describe('the parameters of a request', () => {
  const inputs: readonly unknown[] = [];

  it('say whether outputs are binary, each output for itself first', () => {
    const request = decode({
      inputs,
      parameters: { binary_data_output: true },
      outputs: [{ name: 'a' }, { name: 'b', parameters: { binary_data: false } }],
    });
    expect(request.binaryOutputs).toBe(true);
    expect(request.outputs?.map(({ binary }) => binary)).toEqual([true, false]);
  });

  it('may ask for no outputs in particular', () => {
    expect(decode({ inputs, outputs: [] }).outputs).toBeUndefined();
  });

  it('may carry a priority and an empty sequence, which change nothing', () => {
    const parameters = { priority: 3, sequence_id: 0, sequence_start: true, sequence_end: false };
    expect(decode({ inputs, parameters }).parameters).toEqual(parameters);
  });

  it.each([
    [{ parameters: [] }, 'parameters: expected an object, got an array of 0 elements'],
    [
      { parameters: { a: { b: 1 } } },
      'parameters["a"]: expected a string, a number or a boolean, got an object',
    ],
    [
      { parameters: { binary_data_output: 1 } },
      'parameters.binary_data_output: expected true or false, got 1',
    ],
    [
      { parameters: { timeout: -1 } },
      'parameters.timeout: expected a whole number of at least 0, got -1',
    ],
    [
      { parameters: { priority: 'high' } },
      'parameters.priority: expected a whole number of at least 0, got the string "high"',
    ],
    [{ parameters: { sequence_id: 7 } }, 'parameters.sequence_id: sequences are not supported'],
    [
      { outputs: [{ name: 'y', parameters: { classification: 1.5 } }] },
      'outputs[0].parameters.classification: expected a whole number of at least 0, got 1.5',
    ],
    [
      { outputs: [{ name: 'y' }, { name: 'y' }] },
      'outputs[1].name: expected each name once, got "y" again',
    ],
    [
      { outputs: [{ name: 'y', parameters: { shared_memory_region: 'r' } }] },
      'outputs[0].parameters.shared_memory_region: shared memory is not supported; send the data',
    ],
  ])('are refused with their path (%#)', (document, message) => {
    expect(refusal(() => decode({ inputs, ...document }))).toContain(message);
  });

  it('have a timeout in microseconds, 0 for none', () => {
    expect(requestTimeoutMs({ timeout: 1500 })).toBe(1.5);
    expect(requestTimeoutMs({ timeout: 0 })).toBeUndefined();
    expect(requestTimeoutMs({})).toBeUndefined();
  });
});
