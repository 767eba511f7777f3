import type { Duration, Size } from 'aws-cdk-lib';
import type { IDomainName } from 'aws-cdk-lib/aws-apigatewayv2';
import type { ILambdaDeploymentConfig } from 'aws-cdk-lib/aws-codedeploy';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Architecture } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { ComputeProfile } from './compute-profile.ts';
import type { EndpointAccess } from './endpoint-access.ts';
import type { Packaging } from './packaging.ts';

/** Everything has a default: `new InferenceService(this, 'Inference')` is a whole service. */
export interface InferenceServiceProps {
  // State

  /** Bucket of the model repository. @default a new one: versioned, kept when the stack goes */
  readonly modelsBucket?: IBucket | undefined;
  /**
   * Bucket whose uploads under `in/` become transform jobs. One of another stack that sets notifications itself loses
   * this service's with its next deployment. @default a new one, kept when the stack goes
   */
  readonly jobsBucket?: IBucket | undefined;
  /** Bucket of job state and predictions. @default a new one, kept when the stack goes */
  readonly resultsBucket?: IBucket | undefined;
  /**
   * Bucket for the new buckets' access logs. One that no stack of the app has must let `logging.s3.amazonaws.com` write
   * already. @default a new one that forgets after 90 days
   */
  readonly accessLogsBucket?: IBucket | undefined;
  /** Key of new buckets and queues. @default S3's and SQS's own managed keys, which cost nothing */
  readonly encryptionKey?: IKey | undefined;
  /** How long uploads stay in a new jobs bucket. @default 30 days */
  readonly uploadsExpiry?: Duration | undefined;
  /** How long predictions stay in a new results bucket. @default for ever, in cheaper storage after 30 days */
  readonly resultsExpiry?: Duration | undefined;
  /** Where completed jobs are announced. @default a new bus */
  readonly eventBus?: IEventBus | undefined;

  // Computing

  /** How the api function computes. @default ComputeProfile.onDemand() */
  readonly compute?: ComputeProfile | undefined;
  /** @default 'image'; 'zip' starts faster and deploys without Docker */
  readonly packaging?: Packaging | undefined;
  /** @default Architecture.ARM_64: a fifth cheaper, and ONNX Runtime is half the size there */
  readonly architecture?: Architecture | undefined;
  /** The largest model, all files of a version: memory and temp disk follow. @default not declared */
  readonly largestModelSize?: Size | undefined;
  /** Model that is loaded ahead of the first call, and that `/invocations` serves. @default none */
  readonly defaultModel?: string | undefined;
  /** @default one virtual CPU's 1,769 MiB, or what the largest model needs */
  readonly apiMemorySize?: Size | undefined;
  /** @default one virtual CPU's 1,769 MiB, or what the largest model needs */
  readonly transformMemorySize?: Size | undefined;
  /**
   * Temp disk of the api function. Prepared artefacts stay on it while their models are in memory: for many models it should
   * be as large as the memory. @default 512 MiB, which is free, or what the largest model needs
   */
  readonly apiEphemeralStorageSize?: Size | undefined;
  /** Temp disk of the transform function. @default 512 MiB, which is free, or what the largest model needs */
  readonly transformEphemeralStorageSize?: Size | undefined;
  /** @default 29 seconds: the function answers before the gateway gives up at 30 */
  readonly apiTimeout?: Duration | undefined;
  /** Longest time for one plan invocation. @default 5 minutes */
  readonly planTimeout?: Duration | undefined;
  /** Longest time for one shard, which hands over what it does not finish. @default 5 minutes */
  readonly transformTimeout?: Duration | undefined;
  /** Environments of the api function at most, taken from the account's. @default no limit of its own */
  readonly apiReservedConcurrency?: number | undefined;
  /** Shards worked on at a time, 2 to 1,000. @default 100, or what provisioned pollers give */
  readonly transformMaxConcurrency?: number | undefined;
  /** Event pollers kept ready for shards, for jobs that must start within seconds. @default none */
  readonly transformPollers?: { readonly minimum: number; readonly maximum: number } | undefined;
  /** How often a message is tried before it becomes a dead letter. @default 5 */
  readonly maxReceiveCount?: number | undefined;
  /** @default outside any VPC */
  readonly vpc?: IVpc | undefined;
  /** @default the private subnets */
  readonly vpcSubnets?: SubnetSelection | undefined;
  /** @default one of its own for each function */
  readonly securityGroups?: readonly ISecurityGroup[] | undefined;

  // Front door

  /** Who may call. @default EndpointAccess.iam(): nobody, until `grantInvoke` */
  readonly access?: EndpointAccess | undefined;
  /** Requests a second, over time. @default 500 */
  readonly throttlingRateLimit?: number | undefined;
  /** Requests at once. @default 1000 */
  readonly throttlingBurstLimit?: number | undefined;
  /** Origins whose pages may call. @default none */
  readonly corsOrigins?: readonly string[] | undefined;
  /** Domain of your own; API Gateway's then answers no more. @default API Gateway's */
  readonly domainName?: IDomainName | undefined;

  // Operations

  /** How new code takes over the api function's traffic. @default a tenth for five minutes, then all */
  readonly deploymentConfig?: ILambdaDeploymentConfig | undefined;
  /** Where alarms go. @default nowhere: they only show */
  readonly alarmTopic?: ITopic | undefined;
  /** Where the alarms' articles are. @default docs/runbook.md of this package */
  readonly runbookUrl?: string | undefined;
  /** 99 of 100 requests are answered within this, or an alarm says so. @default 5 seconds */
  readonly latencyAlarmThreshold?: Duration | undefined;
  /** Dollars of Lambda a day above which an alarm says so. @default 10 */
  readonly dailyCostAlarmDollars?: number | undefined;
  /** Dollars a month for AWS Budgets, with `budgetEmail`. @default no budget */
  readonly monthlyBudgetDollars?: number | undefined;
  /** Whom AWS Budgets tells. @default no budget */
  readonly budgetEmail?: string | undefined;
  /** @default true */
  readonly dashboard?: boolean | undefined;
  /** @default one month */
  readonly logRetention?: RetentionDays | undefined;
}
