import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { listen } from '../../../local/listen.ts';
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

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
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
      body: Buffer.concat(chunks),
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
