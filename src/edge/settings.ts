import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Environment,
  environmentVariables,
  integerVariable,
  requireVariable,
} from '../contract/environment.ts';
import { memoryPerVirtualCpuMB } from '../contract/limits.ts';

/** What the model side of a function needs to know of where it runs. */
export interface ModelSettings {
  readonly modelsBucket: string;
  readonly cacheDirectory: string;
  readonly cacheDiskBytes: number;
  /** Memory of the whole function. */
  readonly memoryBytes: number;
  readonly intraOpThreads: number;
  /** ONNX Runtime's, in order of preference. */
  readonly executionProviders: readonly string[];
}

const bytesPerMiB = 1024 * 1024;
/** Lambda's smallest temp disk of 512 MB, less room for what others put there. */
const defaultCacheMiB = 448;

/** @throws EnvironmentError that names the variable */
export function parseModelSettings(environment: Environment): ModelSettings {
  const memoryMB = integerVariable(environment, 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE', {
    minimum: 128,
    fallback: 2048,
  });
  const cacheMiB = integerVariable(environment, environmentVariables.modelCacheMiB, {
    minimum: 1,
    fallback: defaultCacheMiB,
  });
  return {
    modelsBucket: requireVariable(environment, environmentVariables.modelsBucket),
    cacheDirectory:
      environment[environmentVariables.modelCacheDir] || join(tmpdir(), 'pilotlight-models'),
    cacheDiskBytes: cacheMiB * bytesPerMiB,
    memoryBytes: memoryMB * bytesPerMiB,
    intraOpThreads: threadsFor(memoryMB),
    executionProviders: listOf(environment[environmentVariables.executionProviders] || 'cpu'),
  };
}

function listOf(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

/** A thread for each whole virtual CPU that the memory buys: more would spin for time that the function does not have. */
function threadsFor(memoryMB: number): number {
  const virtualCpus = Math.max(1, Math.floor(memoryMB / memoryPerVirtualCpuMB));
  return Math.min(virtualCpus, availableParallelism());
}
