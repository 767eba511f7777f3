import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { functionNames } from '../../infra/functions.ts';
import { packageRoot } from '../../infra/paths.ts';
import { listFiles } from '../../infra/staging.ts';

/** A folder of sources of the functions, beside which their packages lie, and the folder for their bundles. */
export class BundleFolder {
  readonly folder = mkdtempSync(join(tmpdir(), 'pilotlight-bundle-'));
  readonly target = join(this.folder, 'out');

  constructor() {
    symlinkSync(join(packageRoot, 'node_modules'), join(this.folder, 'node_modules'));
    for (const name of functionNames) mkdirSync(join(this.folder, name));
  }

  /** Writes each function's source. */
  write(source: string): void {
    for (const name of functionNames) writeFileSync(join(this.folder, name, 'handler.ts'), source);
  }

  /** Where a function's own script is. */
  scriptOf(name: string): string {
    const files = listFiles(join(this.target, name));
    const [script = 'none'] = files.filter((path) => path.endsWith('.js'));
    return join(this.target, name, script);
  }

  /** Runs a bundled handler in a process of its own; gives what it returned. */
  call(environment: Readonly<Record<string, string>>, flags: readonly string[] = []): unknown {
    return runScript(
      `const { handler } = await import(${JSON.stringify(join(this.target, 'api/handler.mjs'))});
      process.stdout.write(JSON.stringify(await handler()));`,
      environment,
      flags,
    );
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs a script in a process of its own; gives what it printed as JSON. */
export function runScript(
  script: string,
  environment: Readonly<Record<string, string>>,
  flags: readonly string[],
): unknown {
  return JSON.parse(
    execFileSync(process.execPath, [...flags, '--input-type=module', '-e', script], {
      env: { PATH: process.env['PATH'], ORT_DISABLE_TELEMETRY: '1', ...environment },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
}
