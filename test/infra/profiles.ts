import type { Stack } from 'aws-cdk-lib';
import { type IVpc, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { ComputeProfile } from '../../infra/compute-profile.ts';
import type { InferenceServiceProps } from '../../infra/inference-service-props.ts';
import { as } from '../../infra/optional.ts';

/** One service of each profile, and of each way to pack it. */
export const profiles: Readonly<Record<string, (stack: Stack) => InferenceServiceProps>> = {
  onDemand: () => ({ compute: ComputeProfile.onDemand() }),
  // sharp is installed for this machine's architecture alone, and synthesis would warn of the other.
  zip: () => ({
    packaging: 'zip',
    architecture: process.arch === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
  }),
  x86: () => ({ architecture: Architecture.X86_64 }),
  provisionedConcurrency: () => ({
    compute: ComputeProfile.provisionedConcurrency({ minimum: 2, maximum: 8 }),
  }),
  snapStart: () => ({ compute: ComputeProfile.snapStart(), defaultModel: 'ocr' }),
  managedInstances: (stack) => ({
    compute: ComputeProfile.managedInstances({ vpc: createVpc(stack), maximumEnvironments: 12 }),
  }),
  gpu: (stack) => ({
    architecture: Architecture.X86_64,
    compute: ComputeProfile.gpu({ vpc: createVpc(stack), minimumEnvironments: 0 }),
  }),
};

function createVpc(stack: Stack): IVpc {
  return as<IVpc>(new Vpc(stack, 'Vpc', { maxAzs: 2 }));
}
