import type { IAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import {
  type ILambdaDeploymentConfig,
  LambdaApplication,
  LambdaDeploymentGroup,
} from 'aws-cdk-lib/aws-codedeploy';
import type { Alias } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { acknowledgeManagedPolicy } from '../acknowledge.ts';

export interface CanaryProps {
  readonly alias: Alias;
  readonly deploymentConfig: ILambdaDeploymentConfig;
  /** Any of these takes the traffic back to the version before. */
  readonly alarms: readonly IAlarm[];
}

/** New code takes over an alias's traffic step by step, and gives it back when an alarm goes off. */
export class Canary extends Construct {
  constructor(scope: Construct, id: string, props: CanaryProps) {
    super(scope, id);
    const group = new LambdaDeploymentGroup(this, 'Deployment', {
      application: new LambdaApplication(this, 'Application'),
      alias: props.alias,
      deploymentConfig: props.deploymentConfig,
      alarms: [...props.alarms],
      autoRollback: { failedDeployment: true, stoppedDeployment: true, deploymentInAlarm: true },
    });
    acknowledgeManagedPolicy(
      group,
      'service-role/AWSCodeDeployRoleForLambdaLimited',
      'what CodeDeploy needs to move an alias, as AWS keeps it up to date',
    );
  }
}
