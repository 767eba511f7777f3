import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { bundleFunctions } from './bundle.ts';
import { stageImage } from './image.ts';
import { PilotlightStack } from './pilotlight-stack.ts';

await bundleFunctions();
stageImage();

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
new PilotlightStack(app, 'Pilotlight');
