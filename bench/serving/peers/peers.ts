import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LoadRequest } from '../../http-load.ts';
import {
  binaryRequest,
  jsonRequest,
  modelNames,
  rawRequest,
  type ServedModel,
  servedModels,
} from '../servers/requests.ts';
import {
  type ServerProcess,
  startForeignServer,
  startNodeServer,
} from '../servers/server-process.ts';
import { virtualEnvironment } from './virtual-environment.ts';

/** A server, and how it is asked. */
export interface Peer extends ServerProcess {
  readonly name: string;
  readonly json: (model: ServedModel) => LoadRequest;
  /** The tensor in binary, where the server has a form for it. */
  readonly binary?: (model: ServedModel) => LoadRequest;
}

const here = fileURLToPath(new URL('.', import.meta.url));

/** What all peers are told: where the models are, and that no library shall start threads of its own. */
function environmentOf(folder: string): Record<string, string> {
  return {
    BENCH_FOLDER: folder,
    BENCH_MODELS: modelNames.join(','),
    PYTHONPATH: here,
    PYTHONDONTWRITEBYTECODE: '1',
    OMP_NUM_THREADS: '1',
    OPENBLAS_NUM_THREADS: '1',
  };
}

/** Pilotlight: `api` in one process, `cloud` through the laptop's API Gateway and Lambda. */
export async function startPilotlight(
  name: string,
  server: 'api' | 'cloud',
  folder: string,
): Promise<Peer> {
  const started = await startNodeServer(server, [folder, ...modelNames]);
  const url = (model: ServedModel) => `${started.url}/v2/models/${model.name}/infer`;
  return {
    ...started,
    name,
    json: (model) => jsonRequest(url(model), model),
    binary: (model) => binaryRequest(url(model), model),
  };
}

/** uvicorn with uvloop and httptools, one process. */
export async function startFastApi(folder: string): Promise<Peer> {
  const bin = await virtualEnvironment('fastapi');
  const json = (url: string, model: ServedModel) =>
    jsonRequest(`${url}/models/${model.name}/infer`, model);
  const started = await startForeignServer({
    command: join(bin, 'uvicorn'),
    args: (port) => [
      'fastapi_server:app',
      ...['--host', '127.0.0.1', '--port', `${port}`],
      ...['--log-level', 'warning', '--no-access-log'],
    ],
    environment: () => environmentOf(folder),
    probe: (url) => json(url, servedModels.small),
  });
  return {
    ...started,
    name: 'FastAPI',
    json: (model) => json(started.url, model),
    binary: (model) => rawRequest(`${started.url}/models/${model.name}/infer-bytes`, model),
  };
}

/** Its server in one process, one worker with the sessions in another, as it is made. */
export async function startLitServe(folder: string): Promise<Peer> {
  const bin = await virtualEnvironment('litserve');
  const json = (url: string, model: ServedModel): LoadRequest => {
    const request = jsonRequest(`${url}/predict`, model);
    const document = { model: model.name, ...JSON.parse(`${request.body}`) };
    return { ...request, body: JSON.stringify(document) };
  };
  const started = await startForeignServer({
    command: join(bin, 'python'),
    args: (port) => [join(here, 'litserve_server.py'), `${port}`],
    environment: () => environmentOf(folder),
    probe: (url) => json(url, servedModels.small),
  });
  return { ...started, name: 'LitServe', json: (model) => json(started.url, model) };
}

/** Without the worker processes, metrics and access log that it has by default: each costs it time. */
export async function startMlServer(folder: string): Promise<Peer> {
  const bin = await virtualEnvironment('mlserver');
  const repository = join(folder, 'mlserver');
  for (const name of modelNames) {
    mkdirSync(join(repository, name), { recursive: true });
    const settings = { name, implementation: 'mlserver_runtime.OnnxModel' };
    writeFileSync(join(repository, name, 'model-settings.json'), JSON.stringify(settings));
  }
  const json = (url: string, model: ServedModel) =>
    jsonRequest(`${url}/v2/models/${model.name}/infer`, model);
  const started = await startForeignServer({
    command: join(bin, 'mlserver'),
    args: () => ['start', repository],
    environment: (port) => {
      const settings = {
        host: '127.0.0.1',
        http_port: port,
        grpc_port: 0,
        debug: false,
        parallel_workers: 0,
        metrics_endpoint: null,
      };
      writeFileSync(join(repository, 'settings.json'), JSON.stringify(settings));
      return environmentOf(folder);
    },
    directory: folder,
    probe: (url) => json(url, servedModels.small),
  });
  return { ...started, name: 'MLServer', json: (model) => json(started.url, model) };
}
