import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configSchema, configSchemaFile } from '../../cli/config-schema.ts';
import { parseModelConfiguration } from '../../src/models/configuration.ts';
import { repository } from './support/models.ts';

test('docs/config.schema.json is what the schemas say (npm run schema writes it)', async () => {
  expect(JSON.parse(await readFile(configSchemaFile, 'utf8'))).toEqual(configSchema());
});

test('editors show words for every property', () => {
  expect(propertiesWithoutWords(configSchema(), 'config.json')).toEqual([]);
});

/** Paths of the properties of a JSON Schema that have no description; those that can have one value alone need none. */
function propertiesWithoutWords(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([keyword, value]: [string, unknown]) => {
    if (keyword !== 'properties' || typeof value !== 'object' || value === null) {
      return propertiesWithoutWords(value, Array.isArray(schema) ? `${path}[${keyword}]` : path);
    }
    return Object.entries(value).flatMap(([name, property]: [string, unknown]) => {
      const isObject = typeof property === 'object' && property !== null;
      const explained = isObject && ('description' in property || 'const' in property);
      const below = propertiesWithoutWords(property, `${path}.${name}`);
      return explained ? below : [`${path}.${name}`, ...below];
    });
  });
}

const models = join(repository, 'examples/models');
const folders = (await readdir(models, { withFileTypes: true })).filter((one) => one.isDirectory());

test.each(folders.map((one) => one.name))('the config.json of %s is one', async (name) => {
  const text = await readFile(join(models, name, 'config.json'), 'utf8');
  await expect(parseModelConfiguration(name, text)).resolves.toHaveProperty('task.type');
});

test.each([
  [{ type: 'no-such-task' }, /task\.type/],
  [{ type: 'image-classification' }, /task\.activation/],
  [{ type: 'image-classification', activation: 'softmax', lables: ['a'] }, /task\.lables/],
  [{ type: 'feature-extraction', pooling: 'median' }, /task\.pooling/],
  [
    {
      type: 'tabular-regression',
      columns: [
        { name: 'a', type: 'number' },
        { name: 'a', type: 'number' },
      ],
    },
    /task\.columns: expected every column name once/,
  ],
  [
    { type: 'text-recognition', charactersFile: '../../secret' },
    /task\.charactersFile: expected the plain name of a file/,
  ],
])('%j is refused with its field named', async (task, message) => {
  await expect(parseModelConfiguration('m', JSON.stringify({ task }))).rejects.toThrow(message);
});
