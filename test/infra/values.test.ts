import { CfnParameter, Duration, Size, type Stack } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { ComputeProfile } from '../../infra/compute-profile.ts';
import type { InferenceServiceProps } from '../../infra/inference-service-props.ts';
import { problemsOf } from './support.ts';

describe('a single prop is refused with a sentence that says what to do', () => {
  it.each<[InferenceServiceProps, RegExp]>([
    [{ apiTimeout: Duration.millis(1500) }, /^apiTimeout is 1.5 s: give whole seconds/],
    [{ planTimeout: Duration.seconds(0) }, /^planTimeout is 0 s/],
    [
      { uploadsExpiry: Duration.hours(5) },
      /^uploadsExpiry is Duration.hours\(5\), and S3 counts in/,
    ],
    [{ resultsExpiry: Duration.days(0) }, /^resultsExpiry is Duration.days\(0\)/],
    [
      { apiMemorySize: Size.bytes(2e9) },
      /^apiMemorySize is 2000000000 bytes: give whole mebibytes/,
    ],
    [{ transformEphemeralStorageSize: Size.mebibytes(100) }, /^transformEphemeralStorageSize is/],
    [{ apiReservedConcurrency: 1.5 }, /^apiReservedConcurrency is 1.5: give a whole number/],
    [{ transformMaxConcurrency: 1 }, /^transformMaxConcurrency is 1: .* from 2 to 1000\.$/],
    [{ maxReceiveCount: 0 }, /^maxReceiveCount is 0: .* from 1 to 1000\.$/],
    [{ throttlingRateLimit: -1 }, /^throttlingRateLimit is -1: give a number above 0\.$/],
    [{ throttlingBurstLimit: 0 }, /^throttlingBurstLimit is 0/],
    [{ dailyCostAlarmDollars: Number.NaN }, /^dailyCostAlarmDollars is NaN/],
    [{ defaultModel: 'ocr@3' }, /^defaultModel: "ocr@3" is no model's name/],
    [{ corsOrigins: ['app.example.com'] }, /^corsOrigins: .* "app.example.com": give scheme/],
    [{ corsOrigins: ['https://app.example.com/'] }, /without a slash behind it\.$/],
  ])('a value out of its range: %o', (props, sentence) => {
    expect(problemsOf(props)).toEqual([expect.stringMatching(sentence)]);
  });

  it('but not one that is known at deployment only, nor a model of any number of bytes', () => {
    const parameter = (stack: Stack, id: string) => new CfnParameter(stack, id, { type: 'Number' });
    expect(
      problemsOf((stack) => ({
        apiReservedConcurrency: parameter(stack, 'Reserved').valueAsNumber,
        compute: ComputeProfile.provisionedConcurrency({ minimum: 1 }),
        throttlingRateLimit: parameter(stack, 'Rate').valueAsNumber,
        corsOrigins: ['*', 'https://app.example.com'],
        largestModelSize: Size.bytes(100_000_001),
      })),
    ).toEqual([]);
  });
});
