import type { Architecture, IFunction } from 'aws-cdk-lib/aws-lambda';
import type { InferenceFunction } from '../constructs/inference-function.ts';
import type { Packaging } from '../packaging.ts';

/** What a profile can be weighed against before anything is made. */
export interface ProfileSurroundings {
  readonly packaging: Packaging;
  readonly architecture: Architecture;
  readonly ephemeralStorageMiB: number;
  /** Environments that the function may have at most; undefined without a limit of its own. */
  readonly reservedConcurrency: number | undefined;
  /** Undefined when the stack is not bound to a region. */
  readonly region: string | undefined;
}

/** How the api function computes: one value decides environment, image, scaling and what callers invoke. */
export abstract class Profile {
  abstract readonly name: string;

  /** Variables that the function gets. */
  readonly environment: Readonly<Record<string, string>> = {};

  /** Memory when nobody names one. @default what one virtual CPU comes with */
  readonly memoryMiB: number | undefined = undefined;

  /** Whether it needs the image with CUDA. */
  readonly cuda: boolean = false;

  /** What it cannot go with, a sentence each. */
  abstract problems(surroundings: ProfileSurroundings): string[];

  /** Sets the function up; gives what callers invoke. */
  abstract bind(target: InferenceFunction): IFunction;
}

/** The Chinese and government partitions get features later or never; inside the others Lambda itself tells. */
export function isOutsideCommercialRegions(region: string | undefined): boolean {
  return region !== undefined && /^(cn|us-gov|us-iso)/.test(region);
}
