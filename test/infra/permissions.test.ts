import type { Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { describe, expect, it } from 'vitest';
import { EndpointAccess } from '../../infra/endpoint-access.ts';
import { resourcesOf, type Synthesised, synthesise } from './support.ts';

/** Actions of a role by the resource that they are allowed on, in words: `Jobs.Arn/in/*`. */
function permissionsOf({ template, stack }: Synthesised, role: string): Record<string, string[]> {
  const permissions: Record<string, string[]> = {};
  for (const policy of Object.values(resourcesOf(template, 'AWS::IAM::Policy'))) {
    const { Roles, PolicyDocument } = policy.Properties;
    if (!words(Roles).startsWith(role)) continue;
    const { Statement } = PolicyDocument as { Statement: Record<string, unknown>[] };
    for (const statement of Statement) {
      expect(statement['Effect']).toBe('Allow');
      for (const resource of [statement['Resource']].flat()) {
        const actions = [statement['Action']].flat().map(String);
        const name = words(resource).replaceAll(stack.account, '<account>');
        permissions[name] = [...(permissions[name] ?? []), ...actions].sort();
      }
    }
  }
  return permissions;
}

/** References without their hashes and the service's own name. */
function words(value: unknown): string {
  if (Array.isArray(value)) return value.map(words).join('');
  if (typeof value !== 'object' || value === null) return String(value);
  const [[name, argument] = []] = Object.entries(value);
  if (name === 'Fn::Join' && Array.isArray(argument)) return words(argument[1]);
  if (name === 'Fn::GetAtt' && Array.isArray(argument)) return argument.map(word).join('.');
  return word(String(argument));
}

function word(logicalId: string): string {
  return logicalId.replace(/^Inference/, '').replace(/[0-9A-F]{8}$/, '');
}

const service = synthesise();
const log = ['logs:CreateLogStream', 'logs:PutLogEvents'];
const traces = { '*': ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'] };
const send = ['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:SendMessage'];
const consume = [
  'sqs:ChangeMessageVisibility',
  'sqs:DeleteMessage',
  'sqs:GetQueueAttributes',
  'sqs:GetQueueUrl',
  'sqs:ReceiveMessage',
];
const readAndWrite = ['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'];
/** A bucket that is passed in may keep versions: jobs read the one that they began with. */
const readVersions = ['s3:GetObject', 's3:GetObjectVersion'];
/** Models and uploads are read; the state and the results of jobs are written too. */
const buckets = {
  'Models.Arn': ['s3:ListBucket'],
  'Models.Arn/*': ['s3:GetObject'],
  'Jobs.Arn': ['s3:ListBucket'],
  'Jobs.Arn/*': readVersions,
  'Results.Arn': ['s3:ListBucket'],
  'Results.Arn/jobs/*': [...readAndWrite, 's3:GetObjectVersion'].sort(),
};

describe('functions may do what they are for, and nothing else', () => {
  it('api: serve models, take jobs in, keep their state', () => {
    expect(permissionsOf(service, 'ApiRole')).toEqual({
      ...traces,
      'ApiLogs.Arn': log,
      ...buckets,
      'PlanQueue.Arn': send,
      'ShardQueue.Arn': send,
    });
  });

  it('plan: read the model and the upload, write the plan, send its shards', () => {
    expect(permissionsOf(service, 'PlanRole')).toEqual({
      ...traces,
      'PlanLogs.Arn': log,
      ...buckets,
      'PlanQueue.Arn': [...send, ...consume].sort(),
      'PlanQueueDeadLetters.Arn': consume,
      'ShardQueue.Arn': send,
      'Events.Arn': ['events:PutEvents'],
    });
  });

  it('transform: read the model and the upload, write predictions, announce the end', () => {
    expect(permissionsOf(service, 'TransformRole')).toEqual({
      ...traces,
      'TransformLogs.Arn': log,
      ...buckets,
      'ShardQueue.Arn': [...send, ...consume].sort(),
      'ShardQueueDeadLetters.Arn': consume,
      'Events.Arn': ['events:PutEvents'],
    });
  });

  it('no role may do everything of a service, and none anything on everything but traces', () => {
    for (const policy of Object.values(resourcesOf(service.template, 'AWS::IAM::Policy'))) {
      const { Statement } = policy.Properties['PolicyDocument'] as {
        Statement: { Action: unknown; Resource: unknown }[];
      };
      for (const { Action, Resource } of Statement) {
        for (const action of [Action].flat()) expect(action).not.toContain('*');
        if (Resource === '*') expect([Action].flat().join()).toMatch(/^xray:/);
      }
    }
  });
});

describe('grants', () => {
  const grantTo = (grant: (made: Synthesised['service'], role: Role) => void) => {
    const made = synthesise({}, (service, stack: Stack) => {
      grant(
        service,
        new Role(stack, 'Caller', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') }),
      );
    });
    return permissionsOf(made, 'Caller');
  };
  const api = 'arn:AWS::Partition:execute-api:eu-west-1:<account>:EndpointApi/$default/*';

  it('grantInvoke lets a caller send requests to every path', () => {
    expect(grantTo((service, role) => service.grantInvoke(role))).toEqual({
      [`${api}/*`]: ['execute-api:Invoke'],
    });
  });

  it('grantInvoke on models lets a caller send requests for these alone', () => {
    expect(grantTo((service, role) => service.grantInvoke(role, { models: ['ocr'] }))).toEqual({
      [`${api}/v2/models/ocr`]: ['execute-api:Invoke'],
      [`${api}/v2/models/ocr/*`]: ['execute-api:Invoke'],
      [`${api}/models/ocr/*`]: ['execute-api:Invoke'],
      // And for what they are answered later, by jobs that are called ocr.request.<sixteen digits>.
      [`${api.replace(/\*$/, 'GET')}/v2/jobs/ocr.request.????????????????/result`]: [
        'execute-api:Invoke',
      ],
    });
  });

  it.each([[[]], [['']], [['*']], [['ocr/*']], [['../jobs']]])(
    'no model is called %j',
    (models) => {
      expect(() => grantTo((service, role) => service.grantInvoke(role, { models }))).toThrow(
        /Inference: models of grantInvoke: /,
      );
      expect(() =>
        grantTo((service, role) => service.grantPublishModels(role, { models })),
      ).toThrow(/Inference: models of grantPublishModels: /);
    },
  );

  it('grantInvoke on an endpoint that does not ask for IAM credentials says so', () => {
    expect(() =>
      synthesise({ access: EndpointAccess.public() }, (service, stack) => {
        service.grantInvoke(
          new Role(stack, 'Caller', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') }),
        );
      }),
    ).toThrow(/grantInvoke gives IAM permissions, and this endpoint does not ask for/);
  });

  it('grantPublishModels lets somebody write models, or one of them, and remove nothing but claims', () => {
    expect(grantTo((service, role) => service.grantPublishModels(role))).toEqual({
      'Models.Arn': ['s3:ListBucket'],
      'Models.Arn/*': readAndWrite,
      'Models.Arn/*/.publishing': ['s3:DeleteObject'],
    });
    expect(
      grantTo((service, role) => service.grantPublishModels(role, { models: ['ocr'] })),
    ).toEqual({
      'Models.Arn': ['s3:ListBucket'],
      'Models.Arn/ocr/*': readAndWrite,
      'Models.Arn/ocr/*/.publishing': ['s3:DeleteObject'],
    });
  });

  it('grantSubmitJobs lets somebody upload, and read what became of it', () => {
    expect(grantTo((service, role) => service.grantSubmitJobs(role))).toEqual({
      'Jobs.Arn/*': ['s3:AbortMultipartUpload', 's3:PutObject'],
      'Results.Arn': ['s3:ListBucket'],
      'Results.Arn/jobs/*': ['s3:GetObject'],
    });
  });
});

describe('queues take messages from the jobs bucket alone, and buckets nothing from outsiders', () => {
  it('the plan queue', () => {
    const policies = Object.values(resourcesOf(service.template, 'AWS::SQS::QueuePolicy'));
    const allowed = policies.flatMap(({ Properties }) =>
      (Properties['PolicyDocument'] as { Statement: Record<string, unknown>[] }).Statement.filter(
        ({ Effect }) => Effect === 'Allow',
      ),
    );
    expect(allowed).toEqual([
      {
        Effect: 'Allow',
        Action: 'sqs:SendMessage',
        Principal: { Service: 's3.amazonaws.com' },
        Resource: { 'Fn::GetAtt': [expect.stringMatching(/^InferencePlanQueue/), 'Arn'] },
        Condition: {
          StringEquals: { 'aws:SourceAccount': service.stack.account },
          ArnLike: {
            'aws:SourceArn': { 'Fn::GetAtt': [expect.stringMatching(/^InferenceJobs/), 'Arn'] },
          },
        },
      },
    ]);
  });

  it('every queue refuses what does not come over TLS', () => {
    for (const { Properties } of Object.values(
      resourcesOf(service.template, 'AWS::SQS::QueuePolicy'),
    )) {
      expect(JSON.stringify(Properties)).toContain('"Bool":{"aws:SecureTransport":"false"}');
    }
  });
});
