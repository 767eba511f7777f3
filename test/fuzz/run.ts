/**
 * `npm run test:fuzz -- --requests N --seed S`: mutated requests over the HTTP of a laptop cloud, and then small bodies
 * that unpack to megabytes. They must be answered with 4xx, 503 or 504 in the error form, in a time that their size
 * justifies, by environments that neither die nor grow. The same seed sends the same requests: `--from I` begins at
 * the one with that number.
 */
import { parseArgs } from 'node:util';
import { type TemporaryCloud, withTemporaryCloud } from '../interop/temporary-cloud.ts';
import { environmentProcesses } from './environments.ts';
import { type FuzzCase, Fuzzer } from './fuzzer.ts';
import { fuzzModels } from './models.ts';
import { fuzzBomb, fuzzRequest } from './requests.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '5000' },
    bombs: { type: 'string' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
  },
});

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--${name}: expected a whole number, got ${text}`);
}

const seed = wholeNumber('seed', values.seed);
const from = wholeNumber('from', values.from);
const requests = wholeNumber('requests', values.requests);
const bombs = values.bombs === undefined ? requests / 250 : wholeNumber('bombs', values.bombs);

/** Requests at a time: one for each environment, so that no answer waits for another's. */
const environments = 2;
/** One of so many requests goes as bytes that are hardly HTTP. */
const rawEvery = 50;
/** Memory is looked at after each; the first two are the warm-up: the heap may grow before V8 collects much of it. */
const phases = 5;
const warmUpPhases = 2;
/** What an environment may grow by after that: garbage that is not collected yet. */
const growthLimitMiB = 128;

function* mutatedRequests(start: number, end: number): Generator<FuzzCase> {
  for (let index = Math.ceil(start); index < end; index++) {
    yield {
      request: fuzzRequest(seed, index),
      rawSeed: index % rawEvery === 0 ? seed + index : undefined,
      again: `--seed ${seed} --from ${index} --requests 1`,
    };
  }
}

function* unpackingBodies(): Generator<FuzzCase> {
  for (let index = 0; index < bombs; index++) {
    yield {
      request: fuzzBomb(seed, index),
      again: `--seed ${seed} --requests 0 --bombs ${index + 1}`,
    };
  }
}

/** Lines of the functions' logs that tell of what was not foreseen: a refusal is a ServingError. */
const errorLines: string[] = [];

async function fuzz(cloud: TemporaryCloud): Promise<number> {
  await cloud.publish(fuzzModels());
  const apiFunction = cloud.compute.functions.find(({ handler }) => handler.startsWith('api/'));
  if (apiFunction === undefined) throw new Error('the stack has no api function');
  const secrets = [cloud.dataDir, ...Object.values(cloud.buckets)];
  const fuzzer = new Fuzzer(Number(new URL(cloud.urls.api).port), secrets);
  const startedAt = performance.now();

  const sizesMiB = new Map<number, number[]>();
  for (let phase = 0; phase < phases; phase++) {
    const start = from + (requests * phase) / phases;
    await fuzzer.send(mutatedRequests(start, start + requests / phases), environments);
    for (const { pid, residentMiB } of await environmentProcesses()) {
      sizesMiB.set(pid, [...(sizesMiB.get(pid) ?? []), Math.round(residentMiB)]);
    }
  }
  for (const [pid, sizes] of sizesMiB) {
    const growthMiB = (sizes.at(-1) ?? 0) - (sizes[warmUpPhases - 1] ?? 0);
    console.log(`environment ${pid}: ${sizes.join(', ')} MiB`);
    if (growthMiB > growthLimitMiB) fuzzer.fail(`environment ${pid} grew by ${growthMiB} MiB`);
  }

  await fuzzer.send(unpackingBodies(), environments);
  const seconds = (performance.now() - startedAt) / 1000;
  for (const { pid, residentMiB } of await environmentProcesses()) {
    // Lambda would have killed it.
    if (residentMiB > apiFunction.memoryMiB) {
      fuzzer.fail(`environment ${pid}: ${residentMiB} MiB of ${apiFunction.memoryMiB}`);
    }
  }
  const { started } = cloud.lambda.counts(apiFunction.name);
  if (started > environments) fuzzer.fail(`of ${started} environments some died`);
  fuzzer.close();

  if (fuzzer.failed > 0) for (const line of errorLines) console.log(line);
  console.log(fuzzer.summary());
  const rate = Math.round((fuzzer.passed + fuzzer.failed) / seconds);
  console.log(
    `seed ${seed}: ${requests} requests and ${Math.ceil(bombs)} bodies that unpack to megabytes in ${seconds.toFixed(1)} s, ${rate} a second`,
  );
  console.log(`${fuzzer.passed} passed, ${fuzzer.failed} failed`);
  return fuzzer.failed === 0 ? 0 : 1;
}

process.exitCode = await withTemporaryCloud(
  {
    limits: { environmentLimit: environments },
    onLogLine: (_functionName, line) => {
      const isUnforeseen = /"level":"(ERROR|FATAL)"|FATAL ERROR|Runtime\./.test(line);
      if (isUnforeseen && !line.includes('"name":"ServingError"') && errorLines.length < 20) {
        errorLines.push(line.slice(0, 2000));
      }
    },
  },
  fuzz,
);
