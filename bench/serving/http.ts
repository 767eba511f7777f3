import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareServers } from './servers/compare-servers.ts';
import {
  binaryRequest,
  jsonRequest,
  modelNames,
  rawRequest,
  servedModels,
  writeModels,
} from './servers/requests.ts';
import { startNodeServer } from './servers/server-process.ts';

/**
 * Whole requests over HTTP: the laptop cloud, and Pilotlight's surface alone in one process, beside a bare node:http
 * server around the same sessions, which knows no protocol. Run: npm run bench -- serving/http
 *
 * Through the laptop cloud a request crosses two more processes' HTTP connections, as an event in JSON: API Gateway's
 * stand-in takes it, the Runtime API hands it to the function's process and takes its answer.
 */
const folder = mkdtempSync(join(tmpdir(), 'pilotlight-bench-'));
writeModels(folder);
const [bare, api, cloud] = await Promise.all(
  ['bare', 'api', 'cloud'].map((name) => startNodeServer(name, [folder, ...modelNames])),
);
if (bare === undefined || api === undefined || cloud === undefined) throw new Error('no server');

const { small, image } = servedModels;
const infer = (name: string) => `/v2/models/${name}/infer`;
try {
  await compareServers(
    [
      {
        name: '30 floats, JSON',
        requests: 1_000,
        targets: [
          { name: 'bare node:http', request: jsonRequest(`${bare.url}/small`, small) },
          {
            name: 'Pilotlight, one process',
            request: jsonRequest(api.url + infer('small'), small),
          },
          { name: 'laptop cloud', request: jsonRequest(cloud.url + infer('small'), small) },
        ],
      },
      {
        name: '30 floats, binary',
        requests: 1_000,
        targets: [
          { name: 'bare node:http', request: rawRequest(`${bare.url}/small`, small) },
          {
            name: 'Pilotlight, one process',
            request: binaryRequest(api.url + infer('small'), small),
          },
          { name: 'laptop cloud', request: binaryRequest(cloud.url + infer('small'), small) },
        ],
      },
      {
        name: '602 KB, binary',
        requests: 100,
        targets: [
          { name: 'bare node:http', request: rawRequest(`${bare.url}/image`, image) },
          {
            name: 'Pilotlight, one process',
            request: binaryRequest(api.url + infer('image'), image),
          },
          { name: 'laptop cloud', request: binaryRequest(cloud.url + infer('image'), image) },
        ],
      },
    ],
    [1, 8],
  );
} finally {
  await Promise.all([bare, api, cloud].map((server) => server.stop()));
  rmSync(folder, { recursive: true, force: true });
}
