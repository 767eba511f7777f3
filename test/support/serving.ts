import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { type S3Server, startS3 } from '../../local/s3/server.ts';
import { createS3Client } from '../../src/adapters/s3/client.ts';
import { type ApiOptions, createApi, routesOf } from '../../src/edge/api/api.ts';
import {
  type Api,
  emptyResponse,
  type HttpRequest,
  type HttpResponse,
} from '../../src/edge/api/http.ts';
import { jobRouteNames } from '../../src/edge/jobs/job-route-names.ts';
import { createModelSide, predictServices } from '../../src/edge/model-side.ts';
import type { ModelSettings } from '../../src/edge/settings.ts';
import type { ServingError } from '../../src/errors.ts';
import { Inference } from '../../src/inference/inference.ts';
import { MicroBatcher } from '../../src/inference/micro-batcher.ts';
import { Prediction } from '../../src/inference/prediction.ts';
import { InferenceStatistics } from '../../src/inference/statistics.ts';
import type { ModelService } from '../../src/models/model-service.ts';
import type { PinnedModel } from '../../src/models/reference.ts';

const bytesPerMiB = 1024 * 1024;

/** The api function's insides over a real S3 server, in this process. */
export interface Serving {
  readonly s3: S3Server;
  readonly client: S3Client;
  readonly models: ModelService;
  readonly api: Api;
  /** Every route of the service, those of jobs too, which are not served here. */
  readonly routes: readonly string[];
  /** What happened to models, as `loaded iris 1`. */
  readonly events: string[];
  /** Failures that were logged. */
  readonly failures: unknown[];
  put(key: string, body: Uint8Array | string): Promise<void>;
  call(method: string, path: string, options?: CallOptions): Promise<HttpResponse>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly allowedModels?: ReadonlySet<string>;
  readonly remainingMs?: number;
  readonly requestId?: string;
}

export interface ServingOptions extends Partial<ModelSettings> {
  /** Uniform in [0, 1): draws versions by traffic shares. @default Math.random */
  readonly random?: () => number;
  /** Endpoint for the client, given the server's, such as that of a proxy before it. @default the server's */
  readonly endpoint?: (url: string) => string | Promise<string>;
}

export async function startServing(options: ServingOptions = {}): Promise<Serving> {
  const { random, endpoint = (url) => url, ...settings } = options;
  const folder = mkdtempSync(join(tmpdir(), 'pilotlight-serving-'));
  const s3 = await startS3({ dataDir: join(folder, 's3'), buckets: [{ name: 'models' }] });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: await endpoint(s3.url),
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  const client = createS3Client();
  const events: string[] = [];
  const failures: unknown[] = [];
  const { models, predictors } = createModelSide(
    {
      modelsBucket: 'models',
      cacheDirectory: join(folder, 'cache'),
      cacheDiskBytes: 256 * bytesPerMiB,
      memoryBytes: 2048 * bytesPerMiB,
      intraOpThreads: 1,
      executionProviders: ['cpu'],
      ...settings,
    },
    client,
    recordEvents(events),
    random,
  );
  const statistics = new InferenceStatistics(() => 1_700_000_000_000);
  const nowMs = () => performance.now();
  const batcher = new MicroBatcher({ nowMs, maxWaiting: 100 });
  const common = { provider: models, batcher, statistics, nowMs };
  const inference = new Inference({ ...common, onInferred: () => undefined });
  const prediction = new Prediction({
    ...common,
    predictors,
    services: predictServices(client, 'models'),
    onPredicted: () => undefined,
  });
  const apiOptions: ApiOptions = {
    version: '0.0.0',
    provider: models,
    inference,
    prediction,
    statistics,
    jobs: {},
    inferLater: () => emptyResponse(202),
    predictLater: () => emptyResponse(202),
    defaultModel: 'default',
    isColdStart: () => false,
    onFailure: (_request, thrown) => failures.push(thrown),
  };
  const api = createApi(apiOptions);
  return {
    s3,
    client,
    models,
    api,
    routes: [...Object.keys(routesOf(apiOptions)), ...jobRouteNames],
    events,
    failures,
    put: async (key, body) => {
      await client.send(
        new PutObjectCommand({
          Bucket: 'models',
          Key: key,
          Body: typeof body === 'string' ? Buffer.from(body) : body,
        }),
      );
    },
    call: (method, path, options = {}) => api(toRequest(method, path, options)),
    close: async () => {
      client.destroy();
      await s3.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function recordEvents(events: string[]) {
  const record = (what: string, { model, version }: PinnedModel) =>
    events.push(`${what} ${model} ${version}`);
  return {
    loaded: ({ pinned }: { readonly pinned: PinnedModel }) => void record('loaded', pinned),
    released: (pinned: PinnedModel) => void record('released', pinned),
    loadFailed: (pinned: PinnedModel, _reason: ServingError) => void record('failed', pinned),
    keptServing: (pinned: PinnedModel, _reason: ServingError) => void record('kept', pinned),
    staleCatalog: (model: string) => void events.push(`stale ${model}`),
  };
}

function toRequest(
  method: string,
  path: string,
  { body, headers, allowedModels, remainingMs, requestId = 'test' }: CallOptions,
): HttpRequest {
  const [rawPath = '', query = ''] = path.split('?');
  return {
    method,
    path: rawPath,
    query: new URLSearchParams(query),
    headers: { 'content-type': 'application/json', ...headers },
    body:
      body === undefined
        ? ''
        : body instanceof Uint8Array || typeof body === 'string'
          ? body
          : JSON.stringify(body),
    requestId,
    allowedModels,
    remainingMs,
  };
}

/** Begins to count requests to S3 by operation and key, such as `GetObject iris/1/model.onnx`. */
export function countRequests(s3: S3Server): Map<string, number> {
  const counts = new Map<string, number>();
  s3.setFaults({
    decide: ({ operation, key = '' }) => {
      const request = `${operation} ${key}`.trim();
      counts.set(request, (counts.get(request) ?? 0) + 1);
      return undefined;
    },
  });
  return counts;
}

/** The JSON document of a response. */
export function jsonOf(response: HttpResponse): unknown {
  return JSON.parse(
    typeof response.body === 'string' ? response.body : Buffer.from(response.body).toString(),
  );
}
