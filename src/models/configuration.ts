import * as v from 'valibot';
import { isName } from '../contract/names.ts';
import { ServingError } from '../errors.ts';
import { described } from './task/common.ts';
import type { TaskConfiguration } from './task-configuration.ts';

const name = v.pipe(
  v.string(),
  v.check(isName, (issue) => `expected a version name, got ${issue.received}`),
);
const wholeNumber = (minimum: number, maximum: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(minimum), v.maxValue(maximum));

/** Which versions of a model may be called (Triton's `version_policy`). */
const versionPolicySchema = v.union([
  v.strictObject({ all: described('Every version.', v.strictObject({})) }),
  v.strictObject({
    latest: described(
      'The newest ones.',
      v.strictObject({ numVersions: described('How many.', wholeNumber(1, 1000)) }),
    ),
  }),
  v.strictObject({
    specific: described(
      'These alone.',
      v.strictObject({ versions: described('By name.', v.pipe(v.array(name), v.minLength(1))) }),
    ),
  }),
]);

/** One request that runs before the model is ready, so that the first caller does not pay for the first run. */
const warmUpSchema = v.strictObject({
  inputs: described(
    'Shape for each input by name; dimensions that the model fixes must agree. Values are zeros.',
    v.record(
      v.string(),
      v.strictObject({ shape: described('Dimensions.', v.array(wholeNumber(0, 2 ** 31))) }),
    ),
  ),
  count: described('How often it runs.', v.optional(wholeNumber(1, 100), 1)),
});

/**
 * `<model>/config.json`. Every field has a default, so a model without the file is served as it is.
 * Unknown fields are refused: a typing error must not be silent.
 */
export const modelConfigurationSchema = v.strictObject({
  $schema: described('For editors: docs/config.schema.json.', v.optional(v.string())),
  maxBatchSize: described(
    'Rows of one run when requests or records are put together; 1 turns it off. Default: 32 for calls; for jobs, which measure how many pay, up to 1024.',
    v.optional(wholeNumber(1, 65_536)),
  ),
  intraOpThreads: described(
    'Threads within one operator. Default: from the function’s memory.',
    v.optional(wholeNumber(1, 64)),
  ),
  versionPolicy: described(
    'Which versions may be called. Default: every version; calls without one get the highest number.',
    v.optional(versionPolicySchema, { all: {} }),
  ),
  aliases: described(
    'Names that point at versions: `{"stable": "3"}`.',
    v.optional(v.record(name, name), {}),
  ),
  traffic: described(
    'Shares of the calls that name no version, by version or alias: `{"3": 95, "4": 5}` is a canary.',
    v.optional(
      v.pipe(
        v.record(name, v.pipe(v.number(), v.minValue(0), v.finite())),
        v.check(
          (shares) => Object.values(shares).some((share) => share > 0),
          'expected at least one share above 0',
        ),
      ),
    ),
  ),
  warmUp: described(
    'Requests that run before the model is ready.',
    v.optional(v.array(warmUpSchema), []),
  ),
  task: described(
    'What the raw thing in a request is, and how it becomes tensors and back.',
    v.optional(v.unknown()),
  ),
});

const defaultMaxBatchSize = { calls: 32, jobs: 1024 } as const;

/** Rows of one run, of calls that come together or of a job's records. */
export function maxBatchSizeOf(
  { maxBatchSize }: Pick<ModelConfiguration, 'maxBatchSize'>,
  use: keyof typeof defaultMaxBatchSize,
): number {
  return maxBatchSize ?? defaultMaxBatchSize[use];
}

export interface ModelConfiguration
  extends Omit<v.InferOutput<typeof modelConfigurationSchema>, 'task'> {
  readonly task?: TaskConfiguration | undefined;
}
export type VersionPolicy = v.InferOutput<typeof versionPolicySchema>;
export type WarmUp = v.InferOutput<typeof warmUpSchema>;

/** The configuration of a model that has no config.json. */
export const defaultConfiguration: ModelConfiguration = {
  ...v.parse(modelConfigurationSchema, {}),
  task: undefined,
};

/** @throws ServingError MODEL_UNAVAILABLE that names the field */
export async function parseModelConfiguration(
  model: string,
  text: string,
): Promise<ModelConfiguration> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new ServingError('MODEL_UNAVAILABLE', `model ${model}: config.json is not JSON`, {
      cause,
    });
  }
  // To the schema an array is an object without fields.
  if (Array.isArray(document)) throw refusal(model, '', 'expected an object, got an array');
  const { task, ...configuration } = parse(model, '', modelConfigurationSchema, document);
  if (task === undefined) return configuration;
  // The tasks' schemas are many: only a model that has one pays for them.
  const { taskConfigurationSchema } = await import('./task-configuration.ts');
  return { ...configuration, task: parse(model, 'task', taskConfigurationSchema, task) };
}

function parse<Schema extends v.GenericSchema>(
  model: string,
  root: string,
  schema: Schema,
  value: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = [root, v.getDotPath(issue) ?? ''].filter((part) => part !== '').join('.');
  throw refusal(model, path, issue.message);
}

function refusal(model: string, path: string, message: string): ServingError {
  return new ServingError(
    'MODEL_UNAVAILABLE',
    `model ${model}: config.json: ${path === '' ? 'the document' : path}: ${message}`,
  );
}
