import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Gateway, startGateway } from '../../../local/gateway/server.ts';
import { startLambda } from '../../../local/lambda/service.ts';
import type { HttpApiDescription } from '../../../local/template/http-api.ts';

/** The fixture function behind an HTTP API on the laptop. */
export interface LaptopApi {
  readonly gateway: Gateway;
  close(): Promise<void>;
}

export async function startLaptopApi(
  settings: Partial<HttpApiDescription> & {
    readonly timeoutMs?: number;
    readonly reservedConcurrency?: number;
  } = {},
): Promise<LaptopApi> {
  const dataDir = await mkdtemp(join(tmpdir(), 'pilotlight-gateway-test-'));
  const lambda = await startLambda({
    functions: [
      {
        name: 'http',
        handler: 'http.handler',
        taskRoot: join(import.meta.dirname, 'fixtures'),
        memoryMiB: 1769,
        timeoutMs: 5000,
        reservedConcurrency: settings.reservedConcurrency,
        variables: () => ({}),
      },
    ],
    temporaryDir: join(dataDir, 'tmp'),
    logsDir: join(dataDir, 'logs'),
  });
  const route = {
    functionName: 'http',
    timeoutMs: settings.timeoutMs ?? 30_000,
    authorizationType: 'NONE',
  };
  const gateway = await startGateway({
    port: 0,
    api: {
      logicalId: 'Api',
      stageName: '$default',
      routes: [
        { routeKey: 'ANY /any/{proxy+}', ...route },
        { routeKey: 'GET /only/get', ...route },
      ],
      cors: undefined,
      ...settings,
    },
    invoke: lambda.invoke,
  });
  return {
    gateway,
    async close() {
      await gateway.close();
      await lambda.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
