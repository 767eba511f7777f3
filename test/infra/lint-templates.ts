import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { InferenceService } from '../../infra/inference-service.ts';
import { packageRoot } from '../../infra/paths.ts';
import { PilotlightStack } from '../../infra/pilotlight-stack.ts';
import { run } from '../image/run.ts';
import { profiles } from './profiles.ts';
import './support.ts';

/**
 * Lints the template of the stack, and one of each profile, by AWS's own cfn-lint (PyPI), in a virtual environment
 * below dist/: `npm run lint:template`. Ends with the counts.
 */

const cfnLintVersion = '1.58.0';
const folder = join(packageRoot, 'dist', 'lint-template');

/** W3005: CDK names dependencies that references imply too. */
const ignored = ['W3005'];

async function installCfnLint(): Promise<string> {
  const environment = join(folder, 'venv');
  const program = join(environment, 'bin', 'cfn-lint');
  if (!existsSync(program)) {
    await run('python3', ['-m', 'venv', environment]);
    await run(join(environment, 'bin', 'pip'), ['install', '-q', `cfn-lint==${cfnLintVersion}`]);
  }
  return program;
}

/** Synthesises all; gives the templates by what they are of. */
function synthesise(): Map<string, string> {
  const outdir = join(folder, 'assembly');
  const app = new App({ context: cdkJson.context, outdir });
  new PilotlightStack(app, 'Pilotlight');
  for (const [name, propsOf] of Object.entries(profiles)) {
    const stack = new Stack(app, `Profile-${name}`);
    new InferenceService(stack, 'Inference', propsOf(stack));
  }
  return new Map(app.synth().stacks.map((stack) => [stack.stackName, stack.templateFullPath]));
}

mkdirSync(folder, { recursive: true });
const cfnLint = await installCfnLint();
let failed = 0;
const templates = synthesise();
for (const [name, path] of templates) {
  const words = ['--regions', 'eu-west-1', '--ignore-checks', ...ignored, '--template', path];
  try {
    await run(cfnLint, words);
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error instanceof Error ? error.message : error}`);
  }
}
console.log(`${templates.size - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
