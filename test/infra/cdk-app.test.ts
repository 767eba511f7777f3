import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../infra/paths.ts';
import { listFiles } from '../../infra/staging.ts';

/** Somebody's folder: the example app, the packed package, and the peers that they have installed. */
let app: string;
let installed: string;

const run = (program: string, words: string[], cwd: string) =>
  execFileSync(program, words, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

beforeAll(() => {
  app = mkdtempSync(join(tmpdir(), 'pilotlight-cdk-app-'));
  cpSync(join(packageRoot, 'examples/cdk-app'), app, { recursive: true });
  run('npm', ['run', 'build', '--silent'], packageRoot);
  run('npm', ['pack', '--silent', '--pack-destination', app], packageRoot);
  installed = join(app, 'node_modules/pilotlight');
  mkdirSync(installed, { recursive: true });
  const [archive = ''] = listFiles(app).filter((path) => path.endsWith('.tgz'));
  run('tar', ['-xzf', archive, '-C', installed, '--strip-components=1'], app);
  for (const peer of ['aws-cdk-lib', 'constructs']) {
    symlinkSync(join(packageRoot, 'node_modules', peer), join(app, 'node_modules', peer));
  }
}, 120_000);

afterAll(() => rmSync(app, { recursive: true, force: true }));

describe('the package', () => {
  it('holds bundles, Dockerfile, construct, command and types, and no sources or models', () => {
    const files = listFiles(installed);
    for (const path of [
      'LICENSE',
      'README.md',
      'dist/cli/client.mjs',
      'dist/cli/main.mjs',
      'dist/functions/api/handler.mjs',
      'dist/image/Dockerfile',
      'dist/image/functions/api/handler.mjs',
      'dist/image/onnxruntime/package-lock.json',
      'dist/infra/index.mjs',
      'dist/types/cli/client.d.ts',
      'dist/types/infra/index.d.ts',
      'docs/runbook.md',
    ]) {
      expect(files).toContain(path);
    }
    const foreign = files.filter(
      (path) =>
        !/^(dist\/(cli|functions|image|infra|types)|docs)\/|^(LICENSE|README\.md|package\.json)$/.test(
          path,
        ),
    );
    expect(foreign).toEqual([]);
  });

  it('brings no other package along', () => {
    const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect(dependencies ?? {}).toEqual({});
  });

  it('has a command that starts', () => {
    expect(run(process.execPath, ['dist/cli/main.mjs', '--help'], installed)).toContain(
      'pilotlight publish MODEL',
    );
  });

  it('can be required by an app of CommonJS modules', () => {
    const script = "console.log(typeof require('pilotlight/infra').InferenceService)";
    expect(run(process.execPath, ['--input-type=commonjs', '-e', script], app)).toBe('function\n');
  });
});

describe("somebody's CDK app", () => {
  it('is ten lines or so', () => {
    const lines = readFileSync(join(app, 'app.ts'), 'utf8').split('\n').filter(Boolean);
    expect(lines.length).toBeLessThanOrEqual(12);
  });

  it('passes the type check', () => {
    const tsc = join(packageRoot, 'node_modules/.bin/tsc');
    expect(() => run(tsc, ['--project', '.'], app)).not.toThrow();
  });

  it('synthesises, with the image from the package', () => {
    run(
      join(packageRoot, 'node_modules/.bin/cdk'),
      ['synth', '-q', '--app', `${process.execPath} app.ts`],
      app,
    );
    const assembly = join(app, 'cdk.out');
    const manifest = JSON.parse(
      readFileSync(join(assembly, 'Recommendations.assets.json'), 'utf8'),
    );
    const [image] = Object.values<{ source: { directory: string } }>(manifest.dockerImages);
    const context = listFiles(join(assembly, image?.source.directory ?? ''));
    expect(context).toContain('Dockerfile');
    expect(context).toContain('functions/transform/handler.mjs');
    const template = readFileSync(join(assembly, 'Recommendations.template.json'), 'utf8');
    expect(template).toContain('/v2/models/recommender/*');
  });
});
