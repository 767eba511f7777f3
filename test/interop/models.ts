import { datatypes } from '../../src/protocol/datatype.ts';
import { addConstant, identityModel } from '../support/onnx-model.ts';
import { encodeModel } from '../support/onnx-protobuf.ts';

/** The model repository that triton_client.py expects, by object key. */
export function interopModels(): ReadonlyMap<string, Uint8Array | string> {
  const files = new Map<string, Uint8Array | string>();
  for (const datatype of datatypes) {
    files.set(`identity-${datatype}/1/model.onnx`, identityModel(datatype, [-1, 3]));
  }
  files.set('scalar/1/model.onnx', identityModel('FP32', []));
  files.set('raw/1/model.onnx', identityModel('FP32', [-1, 4]));
  files.set('arithmetic/1/model.onnx', arithmeticModel());
  files.set('classes/1/model.onnx', identityModel('FP32', [-1, 4]));
  files.set('classes/1/labels.txt', 'apple\npear\nWürstchen\n東京\n');
  for (const version of [1, 2, 10]) {
    files.set(`versions/${version}/model.onnx`, addConstant('FP32', [-1], version));
  }
  files.set('versions/config.json', JSON.stringify({ aliases: { stable: '2' } }));
  files.set('Straße 模型/1/model.onnx', identityModel('INT32', [-1]));
  files.set('broken/1/model.onnx', identityModel('FP32', [-1]).subarray(0, 40));
  return files;
}

/** `sum = a + b` and `product = a * b`, FP32 `[-1, 2]`. */
function arithmeticModel(): Uint8Array {
  const tensor = (name: string) => ({ name, datatype: 'FP32', shape: [-1, 2] }) as const;
  return encodeModel({
    inputs: [tensor('a'), tensor('b')],
    outputs: [tensor('sum'), tensor('product')],
    nodes: [
      { operator: 'Add', inputs: ['a', 'b'], outputs: ['sum'] },
      { operator: 'Mul', inputs: ['a', 'b'], outputs: ['product'] },
    ],
  });
}
