import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { BareOutcome } from './backend-cases.ts';

/** No case of the test data takes as long. */
const limitMs = 60_000;

/**
 * Runs the cases of a file on bare onnxruntime-node, one after another, in a process that is started again when a
 * case has killed it.
 * @param count of the cases
 * @returns an outcome for each case
 */
export async function bareOutcomes(
  count: number,
  files: { readonly cases: string; readonly tensors: string; readonly outputs: string },
): Promise<BareOutcome[]> {
  const outcomes: BareOutcome[] = [];
  let runtime: ChildProcess | undefined;
  for (let index = 0; index < count; index++) {
    runtime = runtime?.connected
      ? runtime
      : await start([files.cases, files.tensors, files.outputs]);
    outcomes.push(await ask(runtime, index));
  }
  runtime?.kill();
  return outcomes;
}

async function start(args: readonly string[]): Promise<ChildProcess> {
  const program = fileURLToPath(new URL('bare-runtime.ts', import.meta.url));
  const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' };
  // What a dying process prints is told by its end, too.
  const runtime = fork(program, args, { env, stdio: ['ignore', 'inherit', 'ignore', 'ipc'] });
  await new Promise((resolve, reject) => {
    runtime.once('message', resolve);
    runtime.once('exit', (code) => reject(new Error(`the bare runtime ended with code ${code}`)));
  });
  runtime.removeAllListeners('exit');
  return runtime;
}

function ask(runtime: ChildProcess, index: number): Promise<BareOutcome> {
  return new Promise((resolve) => {
    const settle = (outcome: BareOutcome) => {
      clearTimeout(timer);
      runtime.removeAllListeners();
      resolve(outcome);
    };
    const timer = setTimeout(() => {
      runtime.kill('SIGKILL');
      settle({ failure: `no answer within ${limitMs / 1000} s` });
    }, limitMs);
    runtime.once('message', settle);
    runtime.once('exit', (code, signal) =>
      settle({ failure: `it kills the process (${signal ?? `code ${code}`})` }),
    );
    runtime.send(index);
  });
}
