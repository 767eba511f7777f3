import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { FaultInjector, type LambdaFault, type LambdaFaultPlan } from './faults.ts';
import { openFunctionLog } from './function-log.ts';
import { type EnvironmentCounts, FunctionRuntime } from './function-runtime.ts';
import type { FunctionSettings, RuntimeLimits } from './function-settings.ts';
import type { InvokeResult } from './invoke-result.ts';

export interface LambdaOptions {
  readonly functions: readonly FunctionSettings[];
  /** Folder of the environments' temp disks: what lies there from before is removed. */
  readonly temporaryDir: string;
  /** Folder of one log a function, to which is appended. */
  readonly logsDir: string;
  /** Hears each line of a function's log. @default nobody */
  readonly onLogLine?: ((functionName: string, line: string) => void) | undefined;
  /** @default as many processes a function as there are processors, 4 at least; 10 s to start; 10 min idle */
  readonly limits?: Partial<RuntimeLimits> | undefined;
}

/** Lambda's stand-in: functions by name, each with its execution environments. */
export interface Lambda {
  readonly functionNames: readonly string[];
  /**
   * Runs a function once and waits for what it comes to.
   * @param payload JSON text
   * @throws Error when there is no such function
   */
  invoke(functionName: string, payload: string): Promise<InvokeResult>;
  counts(functionName: string): EnvironmentCounts;
  readonly faults: FaultInjector;
  /** How often each fault was injected. */
  readonly faultCounts: Readonly<Partial<Record<LambdaFault, number>>>;
  /** Switches faults on, over and, with undefined, off; over the wire: faults/route.ts. @throws FaultPlanError */
  setFaults(plan: LambdaFaultPlan | undefined): void;
  /** Kills the environments of a function in whatever they do: the next call starts cold. */
  recycle(functionName: string): Promise<void>;
  /** Kills all environments; when it resolves, no process is left. */
  close(): Promise<void>;
}

export async function startLambda(options: LambdaOptions): Promise<Lambda> {
  const limits: RuntimeLimits = {
    environmentLimit: Math.max(4, availableParallelism()),
    initTimeoutMs: 10_000,
    idleTimeoutMs: 600_000,
    ...options.limits,
  };
  const { temporaryDir } = options;
  await rm(temporaryDir, { recursive: true, force: true });
  await mkdir(temporaryDir, { recursive: true });
  const bootstrapPath = join(temporaryDir, 'bootstrap.cjs');
  const faults = new FaultInjector();
  const runtimes = new Map<string, FunctionRuntime>();
  for (const settings of options.functions) {
    const log = await openFunctionLog(
      options.logsDir,
      settings.name,
      options.onLogLine ?? (() => undefined),
    );
    runtimes.set(
      settings.name,
      new FunctionRuntime(settings, { limits, bootstrapPath, temporaryDir, log, faults }),
    );
  }
  await compileBootstrap(bootstrapPath);
  // However this process ends, short of being killed, no environment outlives it; and one that is left by a
  // kill ends itself when it finds its Runtime API gone.
  const killAll = () => {
    for (const each of runtimes.values()) void each.recycle();
  };
  process.once('exit', killAll);

  function runtime(functionName: string): FunctionRuntime {
    const found = runtimes.get(functionName);
    if (found !== undefined) return found;
    throw new Error(`no function ${functionName}; there are ${[...runtimes.keys()].join(', ')}`);
  }

  return {
    functionNames: [...runtimes.keys()],
    invoke: async (functionName, payload) => runtime(functionName).invoke(payload),
    counts: (functionName) => runtime(functionName).counts,
    faults,
    get faultCounts() {
      return faults.counts;
    },
    setFaults: (plan) => faults.setPlan(plan),
    recycle: (functionName) => runtime(functionName).recycle(),
    async close() {
      await Promise.all([...runtimes.values()].map((each) => each.close()));
      process.removeListener('exit', killAll);
      await rm(temporaryDir, { recursive: true, force: true });
    },
  };
}

/** To one file of plain JavaScript: stripping the types at each start would double the time that Node takes to start. */
async function compileBootstrap(outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL('./bootstrap.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    logLevel: 'silent',
  });
}
