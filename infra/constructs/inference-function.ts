import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  Handler,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { type FunctionName, handlerOf } from '../functions.ts';
import { imageFolder } from '../paths.ts';

export interface InferenceFunctionProps {
  /** Which of the image's commands it runs. */
  readonly command: FunctionName;
  readonly description: string;
  readonly timeout: Duration;
  readonly memorySizeMiB: number;
  readonly environment: Readonly<Record<string, string>>;
}

/** One of the image's commands as a Lambda function, with a role and a log group of its own. */
export class InferenceFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: InferenceFunctionProps) {
    super(scope, id);
    this.logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.logGroup.grantWrite(this.role);
    this.function = new LambdaFunction(this, 'Function', {
      description: props.description,
      code: Code.fromAssetImage(imageFolder, {
        cmd: [handlerOf(props.command)],
        platform: Platform.LINUX_ARM64,
      }),
      runtime: Runtime.FROM_IMAGE,
      handler: Handler.FROM_IMAGE,
      architecture: Architecture.ARM_64,
      memorySize: props.memorySizeMiB,
      timeout: props.timeout,
      role: this.role,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      tracing: Tracing.ACTIVE,
      environment: { ORT_DISABLE_TELEMETRY: '1', ...props.environment },
    });
  }
}
