import { App, Duration, Size, Stack } from 'aws-cdk-lib';
import { AccountPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { InferenceService } from 'pilotlight/infra';

const stack = new Stack(new App(), 'Recommendations');
const inference = new InferenceService(stack, 'Inference', {
  largestModelSize: Size.mebibytes(120),
  latencyAlarmThreshold: Duration.millis(800),
});
const webShop = new Role(stack, 'WebShop', { assumedBy: new AccountPrincipal(stack.account) });
inference.grantInvoke(webShop, { models: ['recommender'] });
