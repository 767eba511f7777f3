import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { functionArn } from '../template/names.ts';
import { ExecutionEnvironment } from './environment.ts';
import type { FunctionLog } from './function-log.ts';
import { concurrencyOf, type FunctionSettings, type RuntimeLimits } from './function-settings.ts';
import { lambdaVariables } from './variables.ts';

/** Where the environments of a function run. */
export interface EnvironmentPlace {
  readonly limits: Pick<RuntimeLimits, 'idleTimeoutMs'>;
  /** The compiled bootstrap. */
  readonly bootstrapPath: string;
  /** Holds the temp disks of the environments. */
  readonly temporaryDir: string;
  readonly log: FunctionLog;
}

/**
 * An environment of a function, with a temp disk, a log stream and variables of its own; not started yet.
 * @param onReady called when it asks for work
 */
export function newEnvironment(
  settings: FunctionSettings,
  { limits, bootstrapPath, temporaryDir: parentDir, log }: EnvironmentPlace,
  onReady: () => void,
): ExecutionEnvironment {
  const { name, handler, taskRoot, memoryMiB } = settings;
  const id = randomBytes(4).toString('hex');
  const temporaryDir = join(parentDir, `${name}-${id}`);
  const logStreamName = `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${id}`;
  const concurrency = concurrencyOf(settings);
  return new ExecutionEnvironment({
    bootstrapPath,
    functionArn: functionArn(name),
    taskRoot,
    temporaryDir,
    concurrency,
    idleTimeoutMs: limits.idleTimeoutMs,
    variables: (runtimeApi) => ({
      ...lambdaVariables({
        functionName: name,
        handler,
        taskRoot,
        memoryMiB,
        concurrency,
        runtimeApi,
        temporaryDir,
        logStreamName,
      }),
      ...settings.variables({ temporaryDir }),
    }),
    onOutput: (line) => log.write(line),
    onReady,
  });
}
