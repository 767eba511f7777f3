import { createServer } from 'node:http';
import { build } from './build.ts';
import { type LaptopCloud, startLaptopCloud } from './cloud.ts';
import { checkDataFolder, dataFolderError } from './data-lock.ts';
import { faultsGuide, guide, writeSamples } from './guide.ts';
import { followJobs } from './job-progress.ts';
import { listen } from './listen.ts';
import { laptopS3Client, publishSampleModels } from './sample-models.ts';
import { type LaptopSettings, parseSettings } from './settings.ts';

/** How long calls and shards under way may take to finish after Ctrl-C. */
const graceMs = 3000;

/** npm passes on the Ctrl-C that the terminal has sent to everyone: one press arrives twice. */
const echoMs = 300;

function say(sentence: string): void {
  console.log(sentence);
}

/** A port that is taken is said at once, not after the build. */
async function checkPorts({ ports }: LaptopSettings): Promise<void> {
  for (const [name, port] of Object.entries(ports)) {
    const probe = createServer();
    await listen(probe, port).catch((error: Error) => {
      const variable = `PILOTLIGHT_${name.toUpperCase()}_PORT`;
      throw new Error(`${error.message}: set ${variable} to another, or to 0 for a free one`);
    });
    probe.close();
  }
}

async function run(settings: LaptopSettings, signal: AbortSignal): Promise<LaptopCloud> {
  const startedAt = performance.now();
  await checkPorts(settings);
  await checkDataFolder(settings.dataDir);
  const built = await build({
    signal,
    onBuild: () => say('pilotlight: bundling the functions and synthesising the stack'),
  });
  const cloud = await startLaptopCloud({
    dataDir: settings.dataDir,
    ports: settings.ports,
    build: built,
    apiConcurrency: settings.apiConcurrency,
    onResult: followJobs(say),
    onEvent: ({ detailType, detail }) => {
      if (settings.isVerbose) say(`event | ${detailType} ${JSON.stringify(detail)}`);
    },
    onProblem: (sentence) => say(`problem: ${sentence}`),
    onLogLine: (functionName, line) => {
      if (settings.isVerbose || /"level":"(ERROR|FATAL)"/.test(line)) {
        say(`${functionName.replace('pilotlight-', '')} | ${line}`);
      }
    },
  });
  const s3 = laptopS3Client(cloud.urls.s3);
  const published = await publishSampleModels(s3, cloud.buckets.models);
  s3.destroy();
  if (published.length > 0) say(`pilotlight: published ${published.join(', ')}`);
  const samples = await writeSamples(settings.dataDir).catch((error: unknown) => {
    throw dataFolderError(settings.dataDir, error);
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  say(`pilotlight: ready after ${seconds} s; Ctrl-C stops it`);
  say(guide(cloud, settings.dataDir, samples));
  if (settings.isVerbose) say(faultsGuide(cloud));
  return cloud;
}

const stopping = new AbortController();
let stoppingSinceMs = 0;
let cloud: Promise<LaptopCloud> | undefined;

async function stop(): Promise<void> {
  if (stopping.signal.aborted) {
    if (performance.now() - stoppingSinceMs > echoMs) process.exit(130);
    return;
  }
  stoppingSinceMs = performance.now();
  say('pilotlight: stopping (again to stop at once)');
  stopping.abort();
  const started = await cloud?.catch(() => undefined);
  await started?.close(graceMs);
  process.exit(0);
}

try {
  const settings = parseSettings(process.env, process.argv.slice(2));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  cloud = run(settings, stopping.signal);
  await cloud;
} catch (error) {
  if (!stopping.signal.aborted) {
    console.error(`pilotlight: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}
