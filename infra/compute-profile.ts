import {
  OnDemand,
  ProvisionedConcurrency,
  type ProvisionedConcurrencyProps,
  SnapStart,
} from './compute/lambda-environments.ts';
import {
  Gpu,
  type GpuProps,
  ManagedInstances,
  type ManagedInstancesProps,
} from './compute/managed-instances.ts';
import type { Profile } from './compute/profile.ts';

/** How the api function computes. */
export type ComputeProfile = Profile;

export const ComputeProfile = {
  /** Environments come and go with the calls; the first call of each waits for it. Costs nothing while idle. */
  onDemand(): ComputeProfile {
    return new OnDemand();
  },

  /** Environments kept ready, more of them as they fill: a low and steady p99 for traffic that never stops. */
  provisionedConcurrency(props: ProvisionedConcurrencyProps): ComputeProfile {
    return new ProvisionedConcurrency(props);
  },

  /** Environments resumed from a snapshot that holds the loaded default model: fast starts for rare calls. */
  snapStart(): ComputeProfile {
    return new SnapStart();
  },

  /** EC2 instances that Lambda runs in a VPC, many requests an environment: for sustained load. */
  managedInstances(props: ManagedInstancesProps): ComputeProfile {
    return new ManagedInstances(props);
  },

  /** Managed instances with a slice of a GPU, and ONNX Runtime's CUDA provider: for large models. */
  gpu(props: GpuProps): ComputeProfile {
    return new Gpu(props);
  },
} as const;
