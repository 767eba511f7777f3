import { type Duration, Names, RemovalPolicy, type Size } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Alias,
  type Architecture,
  CfnFunction,
  type IVersion,
  Function as LambdaFunction,
  LoggingFormat,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { metricsNamespace } from '../../src/contract/metrics.ts';
import { acknowledge, acknowledgeWildcard } from '../acknowledge.ts';
import { as, present } from '../optional.ts';
import type { FunctionCode } from '../packaging.ts';

export interface InferenceFunctionProps {
  readonly description: string;
  readonly code: FunctionCode;
  readonly architecture: Architecture;
  readonly timeout: Duration;
  readonly memorySize: Size;
  /** Size of the temp disk, which holds model files. */
  readonly ephemeralStorageSize: Size;
  readonly environment: Readonly<Record<string, string>>;
  readonly logRetention: RetentionDays;
  /** Environments that it may have at most, taken from the account's. @default no limit of its own */
  readonly reservedConcurrentExecutions?: number | undefined;
  /** @default outside any VPC, with the way to AWS's services that Lambda has */
  readonly vpc?: IVpc | undefined;
  readonly vpcSubnets?: SubnetSelection | undefined;
  readonly securityGroups?: readonly ISecurityGroup[] | undefined;
}

/** A Lambda function with a role and a log group of its own: what it may do is what its owner grants. */
export class InferenceFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  readonly architecture: Architecture;
  readonly memorySize: Size;
  /** What its logs, metrics and traces are marked with. */
  readonly serviceName: string;

  constructor(scope: Construct, id: string, props: InferenceFunctionProps) {
    super(scope, id);
    this.architecture = props.architecture;
    this.memorySize = props.memorySize;
    this.serviceName = Names.uniqueResourceName(this, { maxLength: 64, separator: '-' });
    this.logGroup = new LogGroup(this, 'Logs', {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.logGroup.grantWrite(this.role);
    if (props.vpc !== undefined) grantNetworkInterfaces(this.role);
    acknowledgeWildcard(this.role, '*', 'neither traces nor network interfaces can be named ahead');
    this.function = new LambdaFunction(this, 'Function', {
      description: props.description,
      code: props.code.code,
      runtime: props.code.runtime,
      handler: props.code.handler,
      architecture: props.architecture,
      timeout: props.timeout,
      memorySize: props.memorySize.toMebibytes(),
      ephemeralStorageSize: props.ephemeralStorageSize,
      role: this.role,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      tracing: Tracing.ACTIVE,
      environment: {
        ORT_DISABLE_TELEMETRY: '1',
        POWERTOOLS_SERVICE_NAME: this.serviceName,
        POWERTOOLS_METRICS_NAMESPACE: metricsNamespace,
        ...props.code.environment,
        ...props.environment,
      },
      // A version left standing is what a rollback goes back to.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
      ...present({
        layers: props.code.layers,
        reservedConcurrentExecutions: props.reservedConcurrentExecutions,
        vpc: props.vpc,
        vpcSubnets: props.vpcSubnets,
        securityGroups: props.securityGroups && [...props.securityGroups],
      }),
    });
    acknowledge(
      this.function,
      'Serverless::Serverless-LambdaDLQ',
      'never called asynchronously: messages that fail go to the dead-letter queue of their queue',
    );
  }

  /** The resource itself, for what the L2 has no property for. */
  get resource(): CfnFunction {
    const resource = this.function.node.defaultChild;
    if (CfnFunction.isCfnFunction(resource)) return resource;
    throw new Error(`${this.node.path}: expected a CfnFunction`);
  }

  /** The name that callers invoke: it moves from version to version. The same one at every call. */
  publish(): Alias {
    const present = this.node.tryFindChild('Live');
    if (present instanceof Alias) return present;
    return new Alias(this, 'Live', {
      aliasName: 'live',
      version: as<IVersion>(this.function.currentVersion),
    });
  }
}

/** What Lambda needs to reach into a VPC; none of these can be tied to a resource that exists yet. */
function grantNetworkInterfaces(role: Role): void {
  role.addToPolicy(
    new PolicyStatement({
      actions: [
        'ec2:CreateNetworkInterface',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeSubnets',
        'ec2:DeleteNetworkInterface',
        'ec2:AssignPrivateIpAddresses',
        'ec2:UnassignPrivateIpAddresses',
      ],
      resources: ['*'],
    }),
  );
}
