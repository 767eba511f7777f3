import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';

/**
 * `npm run bench -- serving/overhead` runs bench/serving/overhead.ts; without a name it lists what there is. A
 * benchmark is a file directly in a folder of bench/; what benchmarks share lies above or below.
 */
const folder = fileURLToPath(new URL('.', import.meta.url));
const benchmarks = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name: room }) =>
    readdirSync(new URL(room, import.meta.url))
      .filter((file) => file.endsWith('.ts'))
      .map((file) => `${room}/${file.slice(0, -'.ts'.length)}`),
  )
  .sort();

const [name, ...options] = process.argv.slice(2);
if (name === undefined) {
  console.log('npm run bench -- <name>\n');
  for (const each of benchmarks) console.log(`  ${each}`);
} else if (benchmarks.includes(name)) {
  process.exitCode = run(name, options);
} else {
  console.error(`no benchmark ${name}; there are ${benchmarks.join(', ')}`);
  process.exitCode = 1;
}

/** Says beside the figures on what machine they were taken and how busy that was. @returns the exit code */
function run(benchmark: string, args: readonly string[]): number {
  const [cpu] = cpus();
  console.log(
    `${cpu?.model} x ${cpus().length}, Node ${process.version}, ${new Date().toISOString()}`,
  );
  console.log(`load before ${load()}\n`);
  const { status } = spawnSync(process.execPath, [`${folder}${benchmark}.ts`, ...args], {
    stdio: 'inherit',
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  });
  console.log(`\nload after ${load()}`);
  return status ?? 1;
}

function load(): string {
  return loadavg()
    .map((average) => average.toFixed(2))
    .join(' ');
}
