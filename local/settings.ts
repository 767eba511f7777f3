import { resolve } from 'node:path';
import { environmentVariables } from '../src/contract/environment.ts';

/** What the person at the laptop may choose. */
export interface LaptopSettings {
  readonly dataDir: string;
  readonly ports: { readonly s3: number; readonly api: number; readonly sqs: number };
  /** Calls that one environment of the api function takes at a time; undefined for what the stack says. */
  readonly apiConcurrency: number | undefined;
  /** Whether the functions' logs are shown. */
  readonly isVerbose: boolean;
}

/** A variable that is not of its form; the message names it. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/**
 * Reads `PILOTLIGHT_S3_PORT`, `PILOTLIGHT_API_PORT`, `PILOTLIGHT_SQS_PORT`, `PILOTLIGHT_DATA_DIR`,
 * `PILOTLIGHT_ENVIRONMENT_CONCURRENCY` and `PILOTLIGHT_VERBOSE`, or `--verbose`.
 * @throws SettingsError
 */
export function parseSettings(environment: Environment, args: readonly string[]): LaptopSettings {
  const unknown = args.find((arg) => arg !== '--verbose');
  if (unknown !== undefined)
    throw new SettingsError(`unknown argument ${unknown}: there is only --verbose`);
  return {
    dataDir: resolve(environment['PILOTLIGHT_DATA_DIR'] || '.pilotlight'),
    ports: {
      s3: port(environment, 'PILOTLIGHT_S3_PORT', 9000),
      api: port(environment, 'PILOTLIGHT_API_PORT', 8080),
      sqs: port(environment, 'PILOTLIGHT_SQS_PORT', 0),
    },
    apiConcurrency: concurrency(environment, environmentVariables.environmentConcurrency),
    isVerbose: args.includes('--verbose') || Boolean(environment['PILOTLIGHT_VERBOSE']),
  };
}

type Environment = Readonly<Record<string, string | undefined>>;

/** More than one thread's event loop serves well, and the most that the stack takes for managed instances. */
const mostConcurrency = 64;

function concurrency(environment: Environment, name: string): number | undefined {
  const text = environment[name];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (/^\d{1,2}$/.test(text) && value >= 1 && value <= mostConcurrency) return value;
  throw new SettingsError(`${name}: expected a number from 1 to ${mostConcurrency}, got "${text}"`);
}

function port(environment: Environment, name: string, fallback: number): number {
  const text = environment[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value <= 65_535) return value;
  throw new SettingsError(
    `${name}: expected a port from 0 to 65535 (0 for a free one), got "${text}"`,
  );
}
