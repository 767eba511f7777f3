import { createServer } from 'node:http';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { listen } from '../../../local/listen.ts';
import { untilInputEnds } from './until-input-ends.ts';

/**
 * The yardstick: node:http around sessions of ONNX Runtime, without a protocol or a check. `POST /<model>` with
 * the JSON of the Open Inference Protocol, or with the tensor's bytes and nothing else. Started with a folder of
 * `<model>.onnx` and the models' names.
 */
const [folder, ...models] = process.argv.slice(2);
const sessions = new Map<string, InferenceSession>();
for (const model of models) {
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 } as const;
  sessions.set(`/${model}`, await InferenceSession.create(`${folder}/${model}.onnx`, options));
}

async function run(session: InferenceSession, shape: number[], data: Float32Array) {
  const { y } = await session.run({ x: new Tensor('float32', data, shape) });
  if (!(y?.data instanceof Float32Array)) throw new Error('expected floats');
  return { shape: y.dims, data: y.data };
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', async () => {
    const session = sessions.get(request.url ?? '');
    if (session === undefined) {
      response.writeHead(404).end();
      return;
    }
    const body = Buffer.concat(chunks);
    if (request.headers['content-type'] === 'application/json') {
      const { inputs } = JSON.parse(body.toString());
      const { shape, data } = await run(
        session,
        inputs[0].shape,
        Float32Array.from(inputs[0].data),
      );
      const outputs = [{ name: 'y', datatype: 'FP32', shape, data: Array.from(data) }];
      const text = JSON.stringify({ outputs });
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
      });
      response.end(text);
    } else {
      // A copy, for floats begin at multiples of four.
      const floats = new Float32Array(new Uint8Array(body).buffer);
      const { data } = await run(session, [1, floats.length], floats);
      response.writeHead(200, { 'content-length': data.byteLength });
      response.end(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  });
});
console.log(`http://127.0.0.1:${await listen(server, 0)}`);
untilInputEnds(() => undefined);
