import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeCompute } from '../../../local/template/compute.ts';
import { describeStorage } from '../../../local/template/storage.ts';
import { findTemplate, readTemplate, type Template } from '../../../local/template/template.ts';
import { endpoints } from './endpoints.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pilotlight-template-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Reads a template with these resources beside a queue. */
async function read(resources: Record<string, unknown>): Promise<Template> {
  const path = join(folder, 'Made.template.json');
  const queue = { Work: { Type: 'AWS::SQS::Queue' } };
  await writeFile(path, JSON.stringify({ Resources: { ...queue, ...resources } }));
  return readTemplate({ stackName: 'Made', path }, endpoints);
}

const functionWith = (properties: object) => ({
  Fn: {
    Type: 'AWS::Lambda::Function',
    Properties: { PackageType: 'Image', ImageConfig: { Command: ['a.b'] }, ...properties },
  },
});

describe('the calls that one environment takes at a time', () => {
  it.each([
    ['are one', {}, 1],
    ['are what managed instances are given', { PerExecutionEnvironmentMaxConcurrency: 16 }, 16],
    ['are 64 a virtual CPU on managed instances that are given nothing', {}, 128],
    ['which they have by memory', { ExecutionEnvironmentMemoryGiBPerVCpu: 4 }, 64],
  ])('%s', async (_, instances, expected) => {
    const managed = {
      MemorySize: 4096,
      CapacityProviderConfig: { LambdaManagedInstancesCapacityProviderConfig: instances },
    };
    const template = await read(functionWith(expected === 1 ? {} : managed));
    const [described] = describeCompute(template).functions;
    expect(described?.environmentConcurrency).toBe(expected);
  });
});

describe('a template that the laptop cannot read', () => {
  it.each([
    [functionWith({ Timeout: 'soon' }), 'Fn.Timeout: expected a whole number, got "soon"'],
    [functionWith({ ImageConfig: {} }), 'Fn.ImageConfig.Command: expected one command'],
    [
      functionWith({ Environment: { Variables: { ROLE: { 'Fn::GetAtt': ['Nowhere', 'Arn'] } } } }),
      'Fn.Environment.Variables.ROLE: {"Fn::GetAtt":["Nowhere","Arn"]} refers to something',
    ],
    [
      {
        Mapping: {
          Type: 'AWS::Lambda::EventSourceMapping',
          Properties: { EventSourceArn: 'arn:aws:kinesis:any', FunctionName: 'any' },
        },
      },
      'Mapping.EventSourceArn: expected the ARN of a queue, got "arn:aws:kinesis:any"',
    ],
  ])('is named by logical id and property (%#)', async (resources, message) => {
    const template = await read(resources);
    expect(() => describeCompute(template)).toThrow(message);
  });

  it('may not notify anything but queues', async () => {
    const template = await read({
      Watched: {
        Type: 'AWS::S3::Bucket',
        Properties: { NotificationConfiguration: { TopicConfigurations: [] } },
      },
    });
    expect(() => describeStorage(template)).toThrow(
      'Watched.NotificationConfiguration.TopicConfigurations: expected QueueConfigurations alone',
    );
  });

  it('is missing: the message says what to do', async () => {
    await expect(findTemplate(join(folder, 'nowhere'))).rejects.toThrow('run the synthesis');
  });
});
