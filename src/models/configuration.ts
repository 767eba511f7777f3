import * as v from 'valibot';
import { ServingError } from '../errors.ts';

/**
 * `<model>/config.json`. Every field has a default, so that a model without the file is served as it is.
 * Unknown fields are refused: a typing error must not be silent.
 */
export const modelConfigurationSchema = v.strictObject({
  $schema: v.optional(v.string()),
  /** Largest number of rows of one run when requests or records are put together; 1 turns it off. */
  maxBatchSize: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_536)), 32),
  /** Threads within one operator. @default from the function's memory */
  intraOpThreads: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(64))),
  /** Names that point at versions: `{"stable": "3"}`. */
  aliases: v.optional(v.record(v.string(), v.string()), {}),
});

export type ModelConfiguration = v.InferOutput<typeof modelConfigurationSchema>;

/** The configuration of a model that has no config.json. */
export const defaultConfiguration: ModelConfiguration = v.parse(modelConfigurationSchema, {});

/** @throws ServingError MODEL_UNAVAILABLE that names the field */
export function parseModelConfiguration(model: string, text: string): ModelConfiguration {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new ServingError('MODEL_UNAVAILABLE', `model ${model}: config.json is not JSON`, {
      cause,
    });
  }
  const result = v.safeParse(modelConfigurationSchema, document);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = v.getDotPath(issue) ?? 'config.json';
  throw new ServingError(
    'MODEL_UNAVAILABLE',
    `model ${model}: config.json: ${field}: ${issue.message}`,
  );
}
