/**
 * Names of the environment variables that the stack sets and the functions read: the one place where both sides meet.
 */
export const environmentVariables = {
  /** Bucket of the model repository. */
  modelsBucket: 'PILOTLIGHT_MODELS_BUCKET',
  /** Bucket whose uploads under `in/` become transform jobs. */
  jobsBucket: 'PILOTLIGHT_JOBS_BUCKET',
  /** Bucket of job state and predictions. */
  resultsBucket: 'PILOTLIGHT_RESULTS_BUCKET',
  /** Queue that carries one message a shard. */
  shardQueueUrl: 'PILOTLIGHT_SHARD_QUEUE_URL',
  /** Deliveries of a shard's message before it goes to the dead-letter queue. */
  shardMaxReceiveCount: 'PILOTLIGHT_SHARD_MAX_RECEIVE_COUNT',
  /** For so long a shard stays hidden from others after its worker's last sign of life. */
  shardVisibilitySeconds: 'PILOTLIGHT_SHARD_VISIBILITY_SECONDS',
  /** Queue that carries the S3 events and continuations of plans. */
  planQueueUrl: 'PILOTLIGHT_PLAN_QUEUE_URL',
  /** Event bus that hears of completed jobs; empty for none. */
  eventBusName: 'PILOTLIGHT_EVENT_BUS_NAME',
  /** Folder of `libonnxruntime.so.1` and `onnxruntime_binding.node`; read by the bundled ONNX Runtime binding. */
  onnxRuntimeDir: 'PILOTLIGHT_ONNXRUNTIME_DIR',
  /** Name of the model that `/invocations` serves and that is loaded ahead of the first call; empty for none. */
  defaultModel: 'PILOTLIGHT_DEFAULT_MODEL',
  /** Folder for model files between invocations (Lambda: its temp disk). */
  modelCacheDir: 'PILOTLIGHT_MODEL_CACHE_DIR',
  /** MiB of that folder that model files may fill. */
  modelCacheMiB: 'PILOTLIGHT_MODEL_CACHE_MIB',
  /** Member of the authorizer's claims or context that lists the models a caller may use; empty for every model. */
  modelsClaim: 'PILOTLIGHT_MODELS_CLAIM',
  /** ONNX Runtime's execution providers in order of preference, parted by commas; empty for the CPU alone. */
  executionProviders: 'PILOTLIGHT_EXECUTION_PROVIDERS',
  /** Requests that one environment may be given at a time: 1 on default Lambda. */
  environmentConcurrency: 'PILOTLIGHT_ENVIRONMENT_CONCURRENCY',
  /** Folder for what V8 compiled of a function's script, which is written after each call; unset but while an image is built. */
  compileTo: 'PILOTLIGHT_COMPILE_TO',
} as const;

/** A variable that is missing or not of its form; thrown while a function starts. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The value of a variable that must be there. @throws EnvironmentError that names it */
export function requireVariable(environment: Environment, name: string): string {
  const value = environment[name];
  if (value === undefined || value === '') {
    throw new EnvironmentError(`environment variable ${name}: expected a value, got none`);
  }
  return value;
}

/** A whole number at or above `minimum`; `fallback` when the variable is not set. @throws EnvironmentError that names it */
export function integerVariable(
  environment: Environment,
  name: string,
  options: { readonly minimum: number; readonly fallback: number },
): number {
  const text = environment[name];
  if (text === undefined || text === '') return options.fallback;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < options.minimum) {
    throw new EnvironmentError(
      `environment variable ${name}: expected a whole number of at least ${options.minimum}, got "${text}"`,
    );
  }
  return value;
}
