import { Architecture } from 'aws-cdk-lib/aws-lambda';

/**
 * Lambda's list prices in us-east-1, first tier, in dollars, typed in by hand at this date. docs/cost.md has the same:
 * change both together.
 */
export const pricesDate = '2026-11';

export const dollarsPerMillionRequests = 0.2;

/** For one GiB of memory and one second. */
export function dollarsPerGiBSecond(architecture: Architecture): number {
  return architecture === Architecture.ARM_64 ? 0.000_013_333_4 : 0.000_016_666_7;
}
