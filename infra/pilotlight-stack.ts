import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { InferenceService } from './inference-service.ts';
import type { InferenceServiceProps } from './inference-service-props.ts';

/** The service in a stack of its own: what `npm run deploy` deploys, and what the laptop cloud runs. */
export class PilotlightStack extends Stack {
  readonly service: InferenceService;

  constructor(scope: Construct, id: string, props: StackProps & InferenceServiceProps = {}) {
    super(scope, id, { description: 'Serverless inference for ONNX models', ...props });
    // The stack's own child: CDK leaves the id `Default` out of logical ids and names.
    this.service = new InferenceService(this, 'Default', props);
    const { endpoint, models, jobs, results } = this.service;
    new CfnOutput(this, 'EndpointUrl', { value: endpoint.url });
    new CfnOutput(this, 'ModelsBucketName', { value: models.bucketName });
    new CfnOutput(this, 'JobsBucketName', { value: jobs.bucketName });
    new CfnOutput(this, 'ResultsBucketName', { value: results.bucketName });
  }
}
