import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { post } from '../http-load.ts';
import {
  type Peer,
  startFastApi,
  startLitServe,
  startMlServer,
  startPilotlight,
} from './peers/peers.ts';
import { compareServers } from './servers/compare-servers.ts';
import { type ServedModel, servedModels, writeModels } from './servers/requests.ts';

/**
 * The servers that a team would choose otherwise, on this machine, with the same models, the same client and the same
 * version of ONNX Runtime with one thread. Run: npm run bench:peers
 *
 * The fair comparison is Pilotlight in one process: its HTTP surface, protocol and session cache behind node:http. The
 * laptop cloud is there to see what stand-ins for API Gateway and Lambda add: each request is an event in JSON that
 * crosses two more HTTP connections, and AWS's own take their own time for that.
 */
const folder = mkdtempSync(join(tmpdir(), 'pilotlight-peers-'));
const { small, image } = servedModels;
const peers: Peer[] = [];
try {
  writeModels(folder);
  peers.push(await startPilotlight('Pilotlight, one process', 'api', folder));
  peers.push(await startFastApi(folder));
  peers.push(await startLitServe(folder));
  peers.push(await startMlServer(folder));
  peers.push(await startPilotlight('Pilotlight, laptop cloud', 'cloud', folder));
  await refuseDifferentAnswers(small);
  await refuseDifferentAnswers(image);
  await compareServers(
    [
      { name: '30 floats, JSON', requests: 1_000, targets: jsonTargets(small) },
      { name: '30 floats, binary', requests: 1_000, targets: binaryTargets(small) },
      { name: '150,528 floats, JSON', requests: 10, targets: jsonTargets(image) },
      { name: '602 KB, binary', requests: 100, targets: binaryTargets(image) },
    ],
    [1, 8],
  );
} finally {
  await Promise.all(peers.map((peer) => peer.stop()));
  rmSync(folder, { recursive: true, force: true });
}

function jsonTargets(model: ServedModel) {
  return peers.map(({ name, json }) => ({ name, request: json(model) }));
}

function binaryTargets(model: ServedModel) {
  return peers.flatMap(({ name, binary }) =>
    binary === undefined ? [] : [{ name, request: binary(model) }],
  );
}

/** That all are asked for the same is seen by what they answer. */
async function refuseDifferentAnswers(model: ServedModel): Promise<void> {
  const answers = await Promise.all(
    peers.map(async ({ name, json }) => {
      const { statusCode, body } = await post(json(model));
      if (statusCode !== 200) throw new Error(`${name}: ${statusCode} ${body}`);
      const { outputs } = JSON.parse(body.toString());
      return { name, values: Array.from(outputs[0].data, Number) };
    }),
  );
  const [first] = answers;
  for (const { name, values } of answers) {
    const same =
      values.length === first?.values.length &&
      values.every((value, index) => Math.abs(value - (first.values[index] ?? 0)) < 1e-4);
    if (!same) throw new Error(`${name}: expected ${first?.values}, got ${values}`);
  }
}
