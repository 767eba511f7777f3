import { writeFile } from 'node:fs/promises';
import { toJsonSchema } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { modelConfigurationSchema } from '../src/models/configuration.ts';
import { audioSchema } from '../src/models/task/audio.ts';
import { described } from '../src/models/task/common.ts';
import { imageSchema } from '../src/models/task/image.ts';
import { tokenizerSchema } from '../src/models/task/text.ts';
import { taskConfigurationSchema } from '../src/models/task-configuration.ts';

/** `<model>/config.json` as a JSON Schema, for editors: a `"$schema"` that names it gives completion and warnings. */
export function configSchema(): object {
  const whole = v.strictObject({
    ...modelConfigurationSchema.entries,
    task: described(
      'What the raw thing in a request is, and how it becomes tensors and back.',
      v.optional(taskConfigurationSchema),
    ),
  });
  // Checks that JSON Schema has no words for (names, sums) are left to the load.
  const schema = toJsonSchema(whole, {
    errorMode: 'ignore',
    typeMode: 'input',
    definitions: { image: imageSchema, tokenizer: tokenizerSchema, audio: audioSchema },
  });
  return { title: 'config.json of a model', ...schema };
}

export const configSchemaFile = new URL('../docs/config.schema.json', import.meta.url);

// `npm run schema` writes it; a test holds the file against the schemas.
if (import.meta.main)
  await writeFile(configSchemaFile, `${JSON.stringify(configSchema(), null, 2)}\n`);
