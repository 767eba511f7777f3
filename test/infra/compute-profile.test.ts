import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { profiles } from './profiles.ts';
import { resourceOf, resourcesOf, synthesise } from './support.ts';

const templateOf = (name: string) => synthesise(profiles[name]).template;
const apiOf = (template: ReturnType<typeof templateOf>) =>
  resourceOf(template, 'AWS::Lambda::Function', 'InferenceApiFunction').Properties;
/** What the HTTP API calls. */
const invokedBy = (template: ReturnType<typeof templateOf>) => {
  const integration = resourceOf(template, 'AWS::ApiGatewayV2::Integration', 'InferenceEndpoint');
  return JSON.stringify(integration.Properties['IntegrationUri']);
};

describe('on demand', () => {
  const template = templateOf('onDemand');

  it('calls an alias of the newest version', () => {
    expect(invokedBy(template)).toContain('InferenceApiLive');
    template.hasResourceProperties('AWS::Lambda::Alias', { Name: 'live' });
    template.resourceCountIs('AWS::Lambda::Version', 1);
  });

  it('keeps old versions, for a way back', () => {
    template.hasResource('AWS::Lambda::Version', { DeletionPolicy: 'Retain' });
  });

  it('keeps nothing ready', () => {
    template.resourceCountIs('AWS::ApplicationAutoScaling::ScalableTarget', 0);
    expect(apiOf(template)).not.toHaveProperty('SnapStart');
  });
});

describe('provisioned concurrency', () => {
  it('scales the alias between the two bounds by use', () => {
    const template = templateOf('provisionedConcurrency');
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      MinCapacity: 2,
      MaxCapacity: 8,
      ScalableDimension: 'lambda:function:ProvisionedConcurrency',
    });
    template.hasResourceProperties('AWS::ApplicationAutoScaling::ScalingPolicy', {
      TargetTrackingScalingPolicyConfiguration: {
        TargetValue: 0.7,
        PredefinedMetricSpecification: {
          PredefinedMetricType: 'LambdaProvisionedConcurrencyUtilization',
        },
      },
    });
    expect(invokedBy(template)).toContain('InferenceApiLive');
  });
});

describe('SnapStart', () => {
  it('snapshots published versions of the image, with the default model in them', () => {
    const template = templateOf('snapStart');
    expect(apiOf(template)).toMatchObject({
      PackageType: 'Image',
      SnapStart: { ApplyOn: 'PublishedVersions' },
      EphemeralStorage: { Size: 512 },
      Environment: { Variables: { PILOTLIGHT_DEFAULT_MODEL: 'ocr' } },
    });
    expect(invokedBy(template)).toContain('InferenceApiLive');
  });

  it('is for the api function alone', () => {
    const functions = Object.values(resourcesOf(templateOf('snapStart'), 'AWS::Lambda::Function'));
    expect(functions.filter(({ Properties }) => 'SnapStart' in Properties)).toHaveLength(1);
  });
});

describe('managed instances', () => {
  const template = templateOf('managedInstances');

  it('run in the VPC, many requests an environment', () => {
    template.hasResourceProperties('AWS::Lambda::CapacityProvider', {
      InstanceRequirements: { Architectures: ['arm64'] },
      VpcConfig: { SubnetIds: Match.anyValue(), SecurityGroupIds: Match.anyValue() },
    });
    expect(apiOf(template)).toMatchObject({
      MemorySize: 4096,
      CapacityProviderConfig: {
        LambdaManagedInstancesCapacityProviderConfig: {
          CapacityProviderArn: { 'Fn::GetAtt': [expect.stringMatching(/Instances/), 'Arn'] },
          PerExecutionEnvironmentMaxConcurrency: 16,
          ExecutionEnvironmentMemoryGiBPerVCpu: 2,
        },
      },
      FunctionScalingConfig: { MinExecutionEnvironments: 3, MaxExecutionEnvironments: 12 },
    });
  });

  it('tell the function how many requests it is given at a time, in one worker', () => {
    expect(apiOf(template)).toMatchObject({
      Environment: {
        Variables: {
          PILOTLIGHT_ENVIRONMENT_CONCURRENCY: '16',
          AWS_LAMBDA_NODEJS_WORKER_COUNT: '1',
        },
      },
    });
  });

  it('are called by the name of the function: Lambda publishes and routes by itself', () => {
    template.resourceCountIs('AWS::Lambda::Alias', 0);
    template.resourceCountIs('AWS::CodeDeploy::DeploymentGroup', 0);
    expect(invokedBy(template)).toContain('InferenceApiFunction');
  });
});

describe('GPU', () => {
  const template = templateOf('gpu');

  it('gives each environment a slice of an accelerator, on x86_64', () => {
    expect(apiOf(template)).toMatchObject({
      Architectures: ['x86_64'],
      PackageType: 'Image',
      AcceleratorConfig: { AcceleratorMemorySize: 24 },
      FunctionScalingConfig: { MinExecutionEnvironments: 0 },
      Environment: { Variables: { PILOTLIGHT_EXECUTION_PROVIDERS: 'cuda,cpu' } },
    });
    template.hasResourceProperties('AWS::Lambda::CapacityProvider', {
      InstanceRequirements: {
        Architectures: ['x86_64'],
        AllowedInstanceTypes: ['g6.xlarge'],
      },
    });
  });

  it('builds another image for the api function, with CUDA in it', () => {
    const codes = ['Api', 'Plan', 'Transform'].map((name) =>
      JSON.stringify(
        resourceOf(template, 'AWS::Lambda::Function', `Inference${name}Function`).Properties[
          'Code'
        ],
      ),
    );
    expect(codes[0]).not.toBe(codes[1]);
    expect(codes[1]).toBe(codes[2]);
  });
});
