import { App, Stack, Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { InferenceService } from '../../infra/inference-service.ts';
import { profiles } from './profiles.ts';
import './support.ts';

/** Synthesises under cdk-nag's packs, and gives what they and CDK's own checks report. */
function reportOf(fill: (stack: Stack) => void): string {
  const app = new App({ context: cdkJson.context });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  fill(new Stack(app, 'Test', { env: { account: '123456789012', region: 'eu-west-1' } }));
  const written: string[] = [];
  for (const method of ['log', 'error', 'warn'] as const) {
    vi.spyOn(console, method).mockImplementation((...words) => void written.push(words.join(' ')));
  }
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    written.push(String(chunk));
    return true;
  });
  try {
    app.synth();
  } catch (thrown) {
    written.push(String(thrown));
  }
  return written.join('\n');
}

describe('cdk-nag', () => {
  const exitCode = process.exitCode;
  beforeEach(() => {
    process.exitCode = 0;
  });
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = exitCode;
  });

  it('sees what is wrong with a plain bucket', () => {
    const report = reportOf((stack) => new Bucket(stack, 'Plain'));
    expect(report).toContain('AwsSolutions-S1');
    expect(report).toContain('AwsSolutions-S10');
  });

  for (const [name, propsOf] of Object.entries(profiles)) {
    it(`has nothing to say about ${name}`, () => {
      const report = reportOf((stack) => {
        new InferenceService(stack, 'Inference', propsOf(stack));
      });
      // The VPC of the two that need one is the test's own.
      const own = report
        .split(/\n(?=(?:ERROR|WARNING) )/)
        .filter((part) => !/Test\/Vpc/.test(part));
      expect(own.filter((part) => /^(ERROR|WARNING)/.test(part))).toEqual([]);
    });
  }
});
