import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { listen } from '../../../local/listen.ts';
import { letHeapGrow } from '../../../src/edge/heap-growth.ts';
import { startServing } from '../../../test/support/serving.ts';
import { untilInputEnds } from './until-input-ends.ts';

/**
 * Pilotlight's HTTP surface and session cache in one process behind node:http: what a server of another kind is
 * compared with, for neither has API Gateway or Lambda in front. Started with a folder of `<model>.onnx` and the
 * models' names.
 */
const [folder, ...models] = process.argv.slice(2);
const serving = await startServing();
for (const model of models) {
  await serving.put(`${model}/1/model.onnx`, readFileSync(`${folder}/${model}.onnx`));
}

/** Room for a body of a known length, in which what follows the JSON lies as in the gateway's: tensors are views. */
function bodyFor(headers: IncomingHttpHeaders): Buffer {
  const length = Number(headers['content-length'] ?? 0);
  const offset = -Number(headers['inference-header-content-length'] ?? 0) & 7;
  return Buffer.allocUnsafe(offset + length).subarray(offset);
}

letHeapGrow();
const server = createServer((request, response) => {
  const body = bodyFor(request.headers);
  let received = 0;
  request.on('data', (chunk: Buffer) => {
    received += chunk.copy(body, received);
  });
  request.on('end', async () => {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.headers)) {
      if (value !== undefined) headers[name] = String(value);
    }
    const answer = await serving.api({
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      query: new URLSearchParams(),
      headers,
      body,
      requestId: 'bench',
      allowedModels: undefined,
    });
    response.writeHead(answer.statusCode, {
      ...answer.headers,
      'content-length': Buffer.byteLength(answer.body),
    });
    response.end(answer.body);
  });
});
console.log(`http://127.0.0.1:${await listen(server, 0)}`);
untilInputEnds(() => serving.close());
