import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import createWabt from 'wabt';
import { packageRoot } from './paths.ts';

const folder = join(packageRoot, 'src/tasks/image');
export const passesFile = join(folder, 'resample-passes.ts');

/** `resample-passes.wat` as a module that holds it compiled, so that it is bundled like any other. */
export async function compilePasses(): Promise<string> {
  const features = { simd: true };
  const source = await readFile(join(folder, 'resample-passes.wat'), 'utf8');
  const module = (await createWabt()).parseWat('resample-passes.wat', source, features);
  module.validate();
  const { buffer } = module.toBinary({});
  const lines =
    Buffer.from(buffer)
      .toString('base64')
      .match(/.{1,90}/g) ?? [];
  return [
    '/** resample-passes.wat, compiled by `npm run compile:passes`, in base64. */',
    'export const resamplePasses = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('');",
    '',
  ].join('\n');
}

if (import.meta.main) await writeFile(passesFile, await compilePasses());
