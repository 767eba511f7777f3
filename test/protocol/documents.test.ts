import { describe, expect, it } from 'vitest';
import { errorDocument, modelConfigDocument, modelMetadata } from '../../src/protocol/documents.ts';

const inputs = [{ name: 'x', datatype: 'FP32' as const, shape: [-1, 4] }];
const outputs = [{ name: 'label', datatype: 'BYTES' as const, shape: [-1] }];

describe('documents', () => {
  it('have the form of the protocol', () => {
    expect(errorDocument('no')).toEqual({ error: 'no' });
    expect(modelMetadata({ name: 'm', versions: ['1'], inputs, outputs })).toEqual({
      name: 'm',
      versions: ['1'],
      platform: 'onnx_onnxv1',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }],
      outputs: [{ name: 'label', datatype: 'BYTES', shape: [-1] }],
    });
  });

  it('show Triton’s configuration, without the first dimension only when the model batches', () => {
    const model = {
      name: 'm',
      maxBatchSize: 32,
      versionPolicy: { all: {} },
      inputs,
      outputs,
      fileName: 'model.onnx',
    };
    expect(modelConfigDocument(model)).toMatchObject({
      backend: 'onnxruntime',
      version_policy: { all: {} },
      max_batch_size: 32,
      input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [4] }],
      output: [{ name: 'label', data_type: 'TYPE_STRING', dims: [] }],
    });
    const fixed = [{ name: 'label', datatype: 'BYTES' as const, shape: [1] }];
    expect(modelConfigDocument({ ...model, outputs: fixed })).toMatchObject({
      max_batch_size: 0,
      input: [{ dims: [-1, 4] }],
      output: [{ dims: [1] }],
    });
  });
});
