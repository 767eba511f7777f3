import type { Cursor } from './cursor.ts';
import { physicalName, queueArn, queueNameOf } from './names.ts';
import { type Resource, resourcesOf, type Template } from './template.ts';

export interface NotificationDescription {
  /** E.g. `s3:ObjectCreated:*`. */
  readonly events: readonly string[];
  /** What an object's key begins with; empty for anything. */
  readonly prefix: string;
  /** What an object's key ends with; empty for anything. */
  readonly suffix: string;
  readonly queueName: string;
}

export interface BucketDescription {
  readonly logicalId: string;
  readonly name: string;
  readonly versioned: boolean;
  readonly notifications: readonly NotificationDescription[];
}

export interface QueueDescription {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly visibilityTimeoutSeconds: number;
  readonly delaySeconds: number;
  readonly retentionSeconds: number;
  readonly redrive:
    | { readonly deadLetterQueueName: string; readonly maxReceiveCount: number }
    | undefined;
}

/** What holds state: it is started first, because the functions are told where it is. */
export interface StorageDescription {
  readonly buckets: readonly BucketDescription[];
  readonly queues: readonly QueueDescription[];
  readonly eventBusNames: readonly string[];
}

/** @throws TemplateError that names the logical id and the property */
export function describeStorage(template: Template): StorageDescription {
  const notifications = notificationsByBucket(template);
  return {
    buckets: resourcesOf(template, 'AWS::S3::Bucket').map((resource) => {
      const name = physicalName(resource);
      const { properties } = resource;
      return {
        logicalId: resource.logicalId,
        name,
        versioned:
          properties.at('VersioningConfiguration').at('Status').optionalString() === 'Enabled',
        notifications: [
          ...notificationsOf(properties.at('NotificationConfiguration')),
          ...(notifications.get(name) ?? []),
        ],
      };
    }),
    queues: resourcesOf(template, 'AWS::SQS::Queue').map(describeQueue),
    eventBusNames: resourcesOf(template, 'AWS::Events::EventBus').map(physicalName),
  };
}

function describeQueue(resource: Resource): QueueDescription {
  const { logicalId, properties } = resource;
  const name = physicalName(resource);
  const redrive = properties.at('RedrivePolicy');
  return {
    logicalId,
    name,
    arn: queueArn(name),
    // Defaults as in CloudFormation's AWS::SQS::Queue.
    visibilityTimeoutSeconds: properties.at('VisibilityTimeout').integer(30),
    delaySeconds: properties.at('DelaySeconds').integer(0),
    retentionSeconds: properties.at('MessageRetentionPeriod').integer(345_600),
    redrive: redrive.isPresent
      ? {
          deadLetterQueueName: queueName(redrive.at('deadLetterTargetArn')),
          maxReceiveCount: redrive.at('maxReceiveCount').integer(10),
        }
      : undefined,
  };
}

/** CDK writes notifications as a custom resource beside the bucket, because of cyclic references. */
function notificationsByBucket(template: Template): Map<string, NotificationDescription[]> {
  const byBucket = new Map<string, NotificationDescription[]>();
  for (const { properties } of resourcesOf(template, 'Custom::S3BucketNotifications')) {
    const bucketName = properties.at('BucketName').string();
    const others = byBucket.get(bucketName) ?? [];
    const more = notificationsOf(properties.at('NotificationConfiguration'));
    byBucket.set(bucketName, [...others, ...more]);
  }
  return byBucket;
}

function notificationsOf(configuration: Cursor): NotificationDescription[] {
  return configuration.entries().flatMap(([target, list]) => {
    // The custom resource says `QueueConfigurations` and `Events`, the bucket itself `Event`.
    if (target !== 'QueueConfigurations') {
      throw list.unexpected('QueueConfigurations alone: the laptop notifies queues only');
    }
    return list.items().map((item) => ({
      events: item.at('Event').isPresent
        ? [item.at('Event').string()]
        : item
            .at('Events')
            .items()
            .map((event) => event.string()),
      ...keyFilter(item.at('Filter')),
      queueName: queueName(item.at('QueueArn').isPresent ? item.at('QueueArn') : item.at('Queue')),
    }));
  });
}

function keyFilter(filter: Cursor): { prefix: string; suffix: string } {
  const key = filter.at('Key').isPresent ? filter.at('Key') : filter.at('S3Key');
  const rules = key.at('FilterRules').isPresent ? key.at('FilterRules') : key.at('Rules');
  const found = { prefix: '', suffix: '' };
  for (const rule of rules.items()) {
    const name = rule.at('Name').string().toLowerCase();
    if (name !== 'prefix' && name !== 'suffix')
      throw rule.at('Name').unexpected('prefix or suffix');
    found[name] = rule.at('Value').string();
  }
  return found;
}

function queueName(arn: Cursor): string {
  const name = queueNameOf(arn.string());
  if (name === undefined) throw arn.unexpected('the ARN of a queue');
  return name;
}
