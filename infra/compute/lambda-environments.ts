import { Token } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { InferenceFunction } from '../constructs/inference-function.ts';
import { as } from '../optional.ts';
import { isOutsideCommercialRegions, Profile, type ProfileSurroundings } from './profile.ts';

export class OnDemand extends Profile {
  readonly name = 'onDemand';

  problems(): string[] {
    return [];
  }

  bind(target: InferenceFunction): IFunction {
    return as<IFunction>(target.publish());
  }
}

export interface ProvisionedConcurrencyProps {
  /** Environments that are always ready. */
  readonly minimum: number;
  /** Environments that may be ready. @default ten times the minimum */
  readonly maximum?: number | undefined;
  /** Share of the ready ones in use, 0.1 to 0.9, above which more are made ready. @default 0.7 */
  readonly targetUtilization?: number | undefined;
}

export class ProvisionedConcurrency extends Profile {
  readonly name = 'provisionedConcurrency';
  readonly #minimum: number;
  readonly #maximum: number;
  readonly #targetUtilization: number;

  constructor(props: ProvisionedConcurrencyProps) {
    super();
    this.#minimum = props.minimum;
    this.#maximum = props.maximum ?? props.minimum * 10;
    this.#targetUtilization = props.targetUtilization ?? 0.7;
  }

  problems({ reservedConcurrency }: ProfileSurroundings): string[] {
    const problems: string[] = [];
    const whole = [this.#minimum, this.#maximum].every(Number.isInteger);
    if (!whole || this.#minimum < 1 || this.#maximum < this.#minimum) {
      problems.push(
        `ComputeProfile.provisionedConcurrency keeps between ${this.#minimum} and ${this.#maximum} environments ready: name a minimum of at least 1 and a maximum that is not below it, both whole.`,
      );
    }
    if (!(this.#targetUtilization >= 0.1 && this.#targetUtilization <= 0.9)) {
      problems.push(
        `ComputeProfile.provisionedConcurrency: targetUtilization is ${this.#targetUtilization}; Application Auto Scaling takes 0.1 to 0.9.`,
      );
    }
    // One that is known at deployment only is let through.
    const allowed = Token.isUnresolved(reservedConcurrency) ? undefined : reservedConcurrency;
    if (allowed !== undefined && allowed < this.#maximum) {
      problems.push(
        `ComputeProfile.provisionedConcurrency may keep ${this.#maximum} environments ready, and apiReservedConcurrency allows ${allowed}: raise the latter, or name a lower maximum.`,
      );
    }
    return problems;
  }

  bind(target: InferenceFunction): IFunction {
    const alias = target.publish();
    alias
      .addAutoScaling({ minCapacity: this.#minimum, maxCapacity: this.#maximum })
      .scaleOnUtilization({ utilizationTarget: this.#targetUtilization });
    return as<IFunction>(alias);
  }
}

export class SnapStart extends Profile {
  readonly name = 'snapStart';

  problems({ packaging, ephemeralStorageMiB, region }: ProfileSurroundings): string[] {
    const problems: string[] = [];
    if (packaging !== 'image') {
      problems.push(
        "ComputeProfile.snapStart takes a Node.js function as a container image only: leave packaging at 'image'.",
      );
    }
    if (ephemeralStorageMiB > 512) {
      problems.push(
        `ComputeProfile.snapStart takes a temp disk of 512 MiB, and this one has ${ephemeralStorageMiB}: lower apiEphemeralStorageSize or largestModelSize, or choose ComputeProfile.provisionedConcurrency.`,
      );
    }
    if (isOutsideCommercialRegions(region)) {
      problems.push(
        `ComputeProfile.snapStart for container images is not offered in ${region}: choose ComputeProfile.provisionedConcurrency or another region.`,
      );
    }
    return problems;
  }

  bind(target: InferenceFunction): IFunction {
    // The L2's `snapStart` refuses Runtime.FROM_IMAGE, which Lambda allows since July 2026.
    target.resource.snapStart = { applyOn: 'PublishedVersions' };
    return as<IFunction>(target.publish());
  }
}
