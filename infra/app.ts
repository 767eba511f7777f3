import { App, Stack } from 'aws-cdk-lib';
import { bundleFunctions } from './bundle.ts';
import { stageImage } from './image.ts';
import { InferenceService } from './inference-service.ts';

await bundleFunctions();
await stageImage();

const app = new App();
const stack = new Stack(app, 'Pilotlight', {
  description: 'Serverless inference for ONNX models',
});
// The stack's own child: CDK leaves the id `Default` out of logical ids.
new InferenceService(stack, 'Default');
