import { App, Duration, Size, Stack } from 'aws-cdk-lib';
import { type IVpc, Vpc } from 'aws-cdk-lib/aws-ec2';
import { AccessPoint, FileSystem as ElasticFileSystem } from 'aws-cdk-lib/aws-efs';
import { Alias, Architecture, FileSystem } from 'aws-cdk-lib/aws-lambda';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { describe, expect, it } from 'vitest';
import { ComputeProfile } from '../../infra/compute-profile.ts';
import { as } from '../../infra/optional.ts';
import { problemsOf, synthesise } from './support.ts';

describe('props that cannot work are refused with a sentence that says what to do', () => {
  it('an API timeout beyond what the gateway waits for', () => {
    expect(problemsOf({ apiTimeout: Duration.seconds(60) })).toEqual([
      'apiTimeout is 60 s, and API Gateway gives up on an HTTP API after 30 s: lower it to 29 s, and send longer work with "Prefer: respond-async" or as a transform job.',
    ]);
    expect(problemsOf({ apiTimeout: Duration.seconds(30) })).toEqual([]);
  });

  it('a timeout beyond what Lambda gives', () => {
    expect(problemsOf({ transformTimeout: Duration.minutes(20) })).toEqual([
      'transformTimeout is 1200 s, and Lambda stops a function after 900 s: lower it.',
    ]);
  });

  it('provisioned pollers together with maximum concurrency', () => {
    expect(
      problemsOf({ transformPollers: { minimum: 2, maximum: 9 }, transformMaxConcurrency: 50 }),
    ).toEqual([
      expect.stringMatching(/^transformPollers and transformMaxConcurrency are both set/),
    ]);
  });

  it('a temp disk smaller than the largest model twice', () => {
    expect(
      problemsOf({
        largestModelSize: Size.mebibytes(400),
        apiEphemeralStorageSize: Size.mebibytes(799),
      }),
    ).toEqual([
      'apiEphemeralStorageSize is 799 MiB, and a new version of a model of 400 MiB beside the served one takes 800: raise it (Lambda gives up to 10240), or lower largestModelSize.',
    ]);
  });

  it('memory under the estimate', () => {
    expect(
      problemsOf({
        largestModelSize: Size.mebibytes(100),
        transformMemorySize: Size.mebibytes(512),
      }),
    ).toEqual([
      'transformMemorySize is 512 MiB, and a model of 100 MiB needs about 556: raise it (Lambda gives up to 10240), or lower largestModelSize.',
    ]);
  });

  it('a model that no function can hold', () => {
    expect(problemsOf({ largestModelSize: Size.gibibytes(6) })).toHaveLength(4);
  });

  it('results in the bucket that is watched for uploads', () => {
    expect(
      problemsOf((stack) => {
        const bucket = Bucket.fromBucketName(stack, 'Shared', 'shared');
        return { jobsBucket: bucket, resultsBucket: bucket };
      }),
    ).toEqual([expect.stringMatching(/^jobsBucket and resultsBucket are the same bucket/)]);
  });

  it.each(['jobsBucket', 'resultsBucket'])('models in the bucket of others: %s', (name) => {
    expect(
      problemsOf((stack) => {
        const bucket = Bucket.fromBucketName(stack, 'Shared', 'shared');
        return { modelsBucket: bucket, [name]: bucket };
      }),
    ).toEqual([`${name} is modelsBucket: give models a bucket of their own.`]);
  });

  it('half a budget', () => {
    expect(problemsOf({ monthlyBudgetDollars: 50 })).toEqual([
      'A budget needs both monthlyBudgetDollars and budgetEmail: set the other one too.',
    ]);
  });

  it('several problems at once, all of them told', () => {
    expect(
      problemsOf({ apiTimeout: Duration.seconds(60), budgetEmail: 'a@example.com' }),
    ).toHaveLength(2);
  });
});

describe('profiles that cannot work are refused with a sentence', () => {
  it('SnapStart as a zip file, or with a large temp disk', () => {
    expect(
      problemsOf({
        compute: ComputeProfile.snapStart(),
        packaging: 'zip',
        apiEphemeralStorageSize: Size.gibibytes(2),
      }),
    ).toEqual([
      "ComputeProfile.snapStart takes a Node.js function as a container image only: leave packaging at 'image'.",
      expect.stringMatching(
        /^ComputeProfile.snapStart takes a temp disk of 512 MiB, and this one has 2048/,
      ),
    ]);
  });

  it('in a region that lacks it', () => {
    const inChina = () =>
      new Stack(new App(), 'Test', { env: { account: '123456789012', region: 'cn-north-1' } });
    expect(problemsOf({ compute: ComputeProfile.snapStart() }, inChina())).toEqual([
      'ComputeProfile.snapStart for container images is not offered in cn-north-1: choose ComputeProfile.provisionedConcurrency or another region.',
    ]);
    const stack = inChina();
    const compute = ComputeProfile.managedInstances({ vpc: as<IVpc>(new Vpc(stack, 'Vpc')) });
    expect(problemsOf({ compute }, stack)).toEqual([
      expect.stringMatching(/^ComputeProfile.managedInstances is not offered in cn-north-1/),
    ]);
  });

  it('a GPU on arm64, from a zip file, with a slice that does not exist', () => {
    expect(
      problemsOf((stack) => ({
        packaging: 'zip',
        compute: ComputeProfile.gpu({
          vpc: as<IVpc>(new Vpc(stack, 'Vpc')),
          acceleratorMemoryGiB: 20,
        }),
      })),
    ).toEqual([
      "ComputeProfile.gpu takes the CUDA libraries from the container image: leave packaging at 'image'.",
      'ComputeProfile.gpu runs on x86_64 alone: set architecture to Architecture.X86_64.',
      'ComputeProfile.gpu: acceleratorMemoryGiB is 20; Lambda offers 3, 6, 12, 16, 24, 48.',
    ]);
  });

  it('more requests than one worker takes', () => {
    expect(
      problemsOf((stack) => ({
        compute: ComputeProfile.managedInstances({
          vpc: as<IVpc>(new Vpc(stack, 'Vpc')),
          requestConcurrency: 100,
        }),
      })),
    ).toEqual([
      'ComputeProfile.managedInstances gives one worker 100 requests at a time: name a requestConcurrency from 1 to 64.',
    ]);
  });

  it('provisioned concurrency of nothing', () => {
    expect(
      problemsOf({ compute: ComputeProfile.provisionedConcurrency({ minimum: 0 }) }),
    ).toHaveLength(1);
  });

  it('provisioned concurrency beyond what is reserved, or by a share that nobody can scale by', () => {
    const minimum = 5;
    expect(
      problemsOf({
        compute: ComputeProfile.provisionedConcurrency({ minimum, targetUtilization: 1 }),
        apiReservedConcurrency: 20,
      }),
    ).toEqual([
      'ComputeProfile.provisionedConcurrency: targetUtilization is 1; Application Auto Scaling takes 0.1 to 0.9.',
      'ComputeProfile.provisionedConcurrency may keep 50 environments ready, and apiReservedConcurrency allows 20: raise the latter, or name a lower maximum.',
    ]);
  });
});

describe('what an app changes afterwards is checked at synthesis', () => {
  it('a visibility timeout under six times the timeout plus the window', () => {
    expect(() =>
      synthesise({}, (service) => {
        service.transform.resource.timeout = 600;
      }),
    ).toThrow(
      /ShardQueue: its visibility timeout is 1800 s, and Test\/Inference\/Transform may hold a message for 600 s and its event source for a window of 0 s: raise the visibility timeout to 3600 s \(6 times the timeout, and the window\), or lower the timeout\./,
    );
  });

  it('SnapStart together with provisioned concurrency', () => {
    expect(() =>
      synthesise({ compute: ComputeProfile.snapStart() }, (service) => {
        const alias = service.api.publish();
        expect(alias).toBeInstanceOf(Alias);
        alias.addAutoScaling({ minCapacity: 1, maxCapacity: 2 });
      }),
    ).toThrow(/SnapStart and provisioned concurrency are both on/);
  });

  it('SnapStart together with a file system', () => {
    expect(() =>
      synthesise({ compute: ComputeProfile.snapStart() }, (service, stack) => {
        const vpc = as<IVpc>(new Vpc(stack, 'Vpc'));
        const accessPoint = new AccessPoint(stack, 'Point', {
          fileSystem: new ElasticFileSystem(stack, 'Files', { vpc }),
        });
        const { config } = FileSystem.fromEfsAccessPoint(accessPoint, '/mnt/models');
        service.api.resource.fileSystemConfigs = [
          { arn: config.arn, localMountPath: config.localMountPath },
        ];
      }),
    ).toThrow(/SnapStart and a file system are both on/);
  });

  it('a service that nobody changed passes, on either architecture', () => {
    for (const architecture of [Architecture.ARM_64, Architecture.X86_64]) {
      expect(() => synthesise({ architecture })).not.toThrow();
    }
  });
});
