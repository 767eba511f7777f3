import { cpSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../infra/paths.ts';
import { filesOf } from './builder.ts';
import { run } from './run.ts';
import { isNewer, neededSymbolVersions } from './symbols.ts';

const folder = join(packageRoot, 'dist', 'image-test');
const require = createRequire(import.meta.url);

describe('native libraries of both architectures', () => {
  /** Of Amazon Linux 2023: glibc 2.34, and the C++ library of GCC 11. */
  const available: Record<string, string> = {
    ...{ GLIBC: '2.34', GLIBCXX: '3.4.29', CXXABI: '1.3.13', GCC: '11.0' },
  };
  const onnxRuntime = dirname(require.resolve('onnxruntime-node/package.json'));

  for (const platform of ['x64', 'arm64']) {
    it(`find on Amazon Linux 2023 what they need: ${platform}`, async () => {
      const sharp = await installSharp(platform);
      const libraries = [
        ...[...filesOf(join(onnxRuntime, 'bin/napi-v6/linux', platform)).keys()].map((name) =>
          join(onnxRuntime, 'bin/napi-v6/linux', platform, name),
        ),
        ...[...filesOf(sharp).keys()]
          .filter((path) => /\.node$|\.so\b/.test(path))
          .map((path) => join(sharp, path)),
      ];
      expect(libraries).toHaveLength(4);
      for (const library of libraries) {
        const needed = await neededSymbolVersions(library);
        expect(Object.keys(needed)).toContain('GLIBC');
        for (const [family, version] of Object.entries(needed)) {
          const newest = available[family] ?? '0';
          expect(isNewer(version, newest), `${library}: ${family}_${version}`).toBe(false);
        }
      }
    });
  }
});

/** sharp for another architecture than this machine's, as npm brings it. */
async function installSharp(platform: string): Promise<string> {
  const target = join(folder, `sharp-${platform}`);
  rmSync(target, { recursive: true, force: true });
  cpSync(join(packageRoot, 'layers/sharp'), target, { recursive: true });
  await run('npm', ['ci', '--ignore-scripts', '--os=linux', '--libc=glibc', `--cpu=${platform}`], {
    cwd: target,
  });
  return join(target, 'node_modules');
}
