import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { InstanceClass, InstanceSize, InstanceType, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import {
  Architecture,
  CapacityProvider,
  type IFunction,
  InstanceTypeFilter,
} from 'aws-cdk-lib/aws-lambda';
import { environmentVariables } from '../../src/contract/environment.ts';
import { acknowledge, acknowledgeManagedPolicy } from '../acknowledge.ts';
import type { InferenceFunction } from '../constructs/inference-function.ts';
import { present } from '../optional.ts';
import { isOutsideCommercialRegions, Profile, type ProfileSurroundings } from './profile.ts';

export interface ManagedInstancesProps {
  /** Where the instances run; its subnets must reach S3, SQS, CloudWatch and X-Ray. */
  readonly vpc: IVpc;
  /** @default the private subnets */
  readonly vpcSubnets?: SubnetSelection | undefined;
  /** @default one of its own, open outwards only */
  readonly securityGroups?: readonly ISecurityGroup[] | undefined;
  /** Requests that one environment works on at a time; what waits for a run goes into one micro-batch. @default 16 */
  readonly requestConcurrency?: number | undefined;
  /** GiB for each virtual CPU: 2, 4 or 8. @default 2 */
  readonly memoryGiBPerVirtualCpu?: number | undefined;
  /** Environments that always run; 0 takes minutes to come back. @default 3, over as many zones */
  readonly minimumEnvironments?: number | undefined;
  /** Environments that may run. @default Lambda's own limit */
  readonly maximumEnvironments?: number | undefined;
  /** Types of instance that may be taken. @default any that fits */
  readonly instanceTypes?: readonly InstanceType[] | undefined;
}

export class ManagedInstances extends Profile {
  readonly name: string = 'managedInstances';
  override readonly environment: Readonly<Record<string, string>>;
  override readonly memoryMiB: number = 4096;
  readonly #props: ManagedInstancesProps;

  constructor(props: ManagedInstancesProps, environment: Readonly<Record<string, string>> = {}) {
    super();
    this.#props = props;
    this.environment = {
      [environmentVariables.environmentConcurrency]: String(this.#requestConcurrency),
      // Workers have globals, and so models, of their own: one keeps one copy and sees all requests to merge.
      AWS_LAMBDA_NODEJS_WORKER_COUNT: '1',
      ...environment,
    };
  }

  get #requestConcurrency(): number {
    return this.#props.requestConcurrency ?? 16;
  }

  problems({ region }: ProfileSurroundings): string[] {
    const problems: string[] = [];
    if (this.#requestConcurrency < 1 || this.#requestConcurrency > 64) {
      problems.push(
        `ComputeProfile.${this.name} gives one worker ${this.#requestConcurrency} requests at a time: name a requestConcurrency from 1 to 64.`,
      );
    }
    if (isOutsideCommercialRegions(region)) {
      problems.push(
        `ComputeProfile.${this.name} is not offered in ${region}: choose ComputeProfile.provisionedConcurrency or another region.`,
      );
    }
    return problems;
  }

  bind(target: InferenceFunction): IFunction {
    const { vpc, vpcSubnets, securityGroups, instanceTypes } = this.#props;
    const provider = new CapacityProvider(target, 'Instances', {
      ...present({
        instanceTypeFilter:
          instanceTypes === undefined ? undefined : InstanceTypeFilter.allow([...instanceTypes]),
      }),
      architectures: [target.architecture],
      subnets: vpc.selectSubnets(vpcSubnets).subnets,
      securityGroups: [
        ...(securityGroups ?? [new SecurityGroup(target, 'SecurityGroup', { vpc })]),
      ],
    });
    acknowledgeManagedPolicy(
      provider,
      'AWSLambdaManagedEC2ResourceOperator',
      'what Lambda needs to run instances, as AWS keeps it up to date',
    );
    provider.addFunction(target.function, {
      perExecutionEnvironmentMaxConcurrency: this.#requestConcurrency,
      executionEnvironmentMemoryGiBPerVCpu: this.#props.memoryGiBPerVirtualCpu ?? 2,
      latestPublishedScalingConfig: present({
        minExecutionEnvironments: this.#props.minimumEnvironments ?? 3,
        maxExecutionEnvironments: this.#props.maximumEnvironments,
      }),
    });
    // Lambda publishes each change by itself and routes the function's own name to it.
    return target.function;
  }
}

export interface GpuProps extends ManagedInstancesProps {
  /** GiB of GPU memory for each environment: 3, 6, 12, 16, 24 or 48. @default 24, one whole G6 accelerator */
  readonly acceleratorMemoryGiB?: number | undefined;
}

const acceleratorMemoriesGiB: readonly number[] = [3, 6, 12, 16, 24, 48];

export class Gpu extends ManagedInstances {
  override readonly name = 'gpu';
  override readonly cuda = true;
  override readonly memoryMiB = 8192;
  readonly #acceleratorMemoryGiB: number;

  constructor(props: GpuProps) {
    super(
      {
        ...props,
        instanceTypes: props.instanceTypes ?? [
          InstanceType.of(InstanceClass.G6, InstanceSize.XLARGE),
        ],
        memoryGiBPerVirtualCpu: props.memoryGiBPerVirtualCpu ?? 4,
      },
      { [environmentVariables.executionProviders]: 'cuda,cpu' },
    );
    this.#acceleratorMemoryGiB = props.acceleratorMemoryGiB ?? 24;
  }

  override problems(surroundings: ProfileSurroundings): string[] {
    const problems = super.problems(surroundings);
    if (surroundings.packaging !== 'image') {
      problems.push(
        "ComputeProfile.gpu takes the CUDA libraries from the container image: leave packaging at 'image'.",
      );
    }
    if (surroundings.architecture !== Architecture.X86_64) {
      problems.push(
        'ComputeProfile.gpu runs on x86_64 alone: set architecture to Architecture.X86_64.',
      );
    }
    if (!acceleratorMemoriesGiB.includes(this.#acceleratorMemoryGiB)) {
      problems.push(
        `ComputeProfile.gpu: acceleratorMemoryGiB is ${this.#acceleratorMemoryGiB}; Lambda offers ${acceleratorMemoriesGiB.join(', ')}.`,
      );
    }
    return problems;
  }

  override bind(target: InferenceFunction): IFunction {
    const invoked = super.bind(target);
    // Not yet a property of this aws-cdk-lib's L1, nor in the schemas that CDK and cfn-lint check templates by.
    target.resource.addPropertyOverride(
      'AcceleratorConfig.AcceleratorMemorySize',
      this.#acceleratorMemoryGiB,
    );
    target.resource.addMetadata('cfn-lint', { config: { ignore_checks: ['E3002'] } });
    acknowledge(
      target.function,
      'CloudFormation-Validate::F3002',
      'AcceleratorConfig is newer than the schema',
    );
    return invoked;
  }
}
