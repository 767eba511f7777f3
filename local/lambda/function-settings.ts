/** A function to run. */
export interface FunctionSettings {
  readonly name: string;
  /** File below the task root, and export: `api/handler.handler`. */
  readonly handler: string;
  /** Folder of the bundles. */
  readonly taskRoot: string;
  readonly memoryMiB: number;
  readonly timeoutMs: number;
  /** Calls at a time; more are throttled. @default the account's 1,000 */
  readonly reservedConcurrency?: number | undefined;
  /** Calls that one environment takes at a time: more than one makes it one of managed instances. @default 1 */
  readonly environmentConcurrency?: number | undefined;
  /** Variables of the template and of the laptop, which win over Lambda's own. */
  variables(environment: { readonly temporaryDir: string }): Readonly<Record<string, string>>;
}

/** What the laptop grants to every function. */
export interface RuntimeLimits {
  /** Processes of one function; calls beyond wait for one. Lambda would start as many as are called for. */
  readonly environmentLimit: number;
  /** How long an environment may start before it is started over within its function's timeout (Lambda: 10 s). */
  readonly initTimeoutMs: number;
  /** How long an idle environment is kept. */
  readonly idleTimeoutMs: number;
}

/** Calls that one environment of a function takes at a time. */
export function concurrencyOf({ environmentConcurrency = 1 }: FunctionSettings): number {
  return environmentConcurrency;
}
