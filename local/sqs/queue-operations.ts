import { queueArn, queueNameOf } from '../template/names.ts';
import type { QueueEntry } from './broker.ts';
import { SqsError } from './errors.ts';
import type { Fields } from './fields.ts';
import type { MoveTask } from './move-tasks.ts';
import { type Operation, queueOf, type Service } from './service.ts';
import { attributesOf, withAttributes } from './settings.ts';

/** The operations on queues. */
export const queueOperations = {
  async CreateQueue({ broker, queueUrl }, request) {
    const name = request.string('QueueName');
    await broker.create(name, request.stringMap('Attributes'), request.stringMap('tags'));
    return { QueueUrl: queueUrl(name) };
  },

  GetQueueUrl({ broker, queueUrl }, request) {
    return { QueueUrl: queueUrl(broker.get(request.string('QueueName')).queue.name) };
  },

  ListQueues(service, request) {
    const prefix = request.optionalString('QueueNamePrefix') ?? '';
    const names = service.broker.names().filter((name) => name.startsWith(prefix));
    const { page, token } = pageOf(names, request);
    return { QueueUrls: page.map(service.queueUrl), ...token };
  },

  ListDeadLetterSourceQueues(service, request) {
    const names = service.broker.sourcesOf(queueOf(service, request).queue.name);
    const { page, token } = pageOf(names, request);
    return { queueUrls: page.map(service.queueUrl), ...token };
  },

  GetQueueAttributes(service, request) {
    const all = allAttributes(queueOf(service, request));
    const wanted = request.strings('AttributeNames');
    for (const name of wanted) {
      if (name !== 'All' && !knownAttributes.has(name) && !(name in all)) {
        throw new SqsError('InvalidAttributeName', `Unknown Attribute ${name}.`);
      }
    }
    const chosen = Object.entries(all).filter(
      ([name]) => wanted.includes('All') || wanted.includes(name),
    );
    return chosen.length === 0 ? {} : { Attributes: Object.fromEntries(chosen) };
  },

  async SetQueueAttributes(service, request) {
    const { queue } = queueOf(service, request);
    const settings = withAttributes(queue.settings, request.stringMap('Attributes'));
    await service.broker.define(queue.name, settings);
    return {};
  },

  async PurgeQueue(service, request) {
    await queueOf(service, request).queue.purge();
    return {};
  },

  async DeleteQueue(service, request) {
    await service.broker.delete(queueOf(service, request).queue.name);
    return {};
  },

  ListQueueTags(service, request) {
    return { Tags: Object.fromEntries(queueOf(service, request).tags) };
  },

  async TagQueue(service, request) {
    const { queue, tags } = queueOf(service, request);
    for (const [key, value] of request.stringMap('Tags')) tags.set(key, value);
    await service.broker.save(queue.name);
    return {};
  },

  async UntagQueue(service, request) {
    const { queue, tags } = queueOf(service, request);
    for (const key of request.strings('TagKeys')) tags.delete(key);
    await service.broker.save(queue.name);
    return {};
  },

  StartMessageMoveTask(service, request) {
    const destinationArn = request.optionalString('DestinationArn');
    const destination = destinationArn === undefined ? undefined : byArn(service, destinationArn);
    const task = service.moveTasks.start(
      byArn(service, request.string('SourceArn')).queue,
      destination?.queue.name,
      request.optionalInteger('MaxNumberOfMessagesPerSecond', 1, 500),
    );
    return { TaskHandle: task.handle };
  },

  ListMessageMoveTasks(service, request) {
    const source = byArn(service, request.string('SourceArn')).queue;
    const maxResults = request.optionalInteger('MaxResults', 1, 10) ?? 1;
    return { Results: service.moveTasks.of(source).slice(0, maxResults).map(describeTask) };
  },

  CancelMessageMoveTask(service, request) {
    const task = service.moveTasks.cancel(request.string('TaskHandle'));
    return { ApproximateNumberOfMessagesMoved: task.messagesMoved };
  },
} as const satisfies Record<string, Operation>;

/** Attributes that may be asked for and that a queue need not have. */
const knownAttributes: ReadonlySet<string> = new Set([
  'Policy',
  'RedrivePolicy',
  'RedriveAllowPolicy',
  'KmsMasterKeyId',
  'KmsDataKeyReusePeriodSeconds',
  'FifoQueue',
  'ContentBasedDeduplication',
  'DeduplicationScope',
  'FifoThroughputLimit',
]);

function allAttributes({ queue, createdMs, modifiedMs }: QueueEntry): Record<string, string> {
  const { visible, inFlight, delayed } = queue.depth();
  return {
    QueueArn: queueArn(queue.name),
    CreatedTimestamp: seconds(createdMs),
    LastModifiedTimestamp: seconds(modifiedMs),
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    ...attributesOf(queue.settings),
  };
}

function describeTask(task: MoveTask) {
  return {
    // Only a running task can be cancelled, so only it has a handle.
    ...(task.status === 'RUNNING' ? { TaskHandle: task.handle } : {}),
    Status: task.status,
    SourceArn: queueArn(task.source.name),
    ...(task.destinationName === undefined
      ? {}
      : { DestinationArn: queueArn(task.destinationName) }),
    ...(task.maxMessagesPerSecond === undefined
      ? {}
      : { MaxNumberOfMessagesPerSecond: task.maxMessagesPerSecond }),
    ApproximateNumberOfMessagesMoved: task.messagesMoved,
    ApproximateNumberOfMessagesToMove: task.messagesToMove,
    ...(task.failureReason === undefined ? {} : { FailureReason: task.failureReason }),
    StartedTimestamp: task.startedMs,
  };
}

function byArn({ broker }: Service, arn: string): QueueEntry {
  const entry = broker.find(queueNameOf(arn) ?? '');
  if (entry === undefined) {
    throw new SqsError(
      'ResourceNotFoundException',
      "The resource that you specified for the SourceArn or DestinationArn parameter doesn't exist.",
    );
  }
  return entry;
}

/** Pages only when the request says how long a page may be, as SQS does. */
function pageOf(names: readonly string[], request: Fields) {
  const after = request.optionalString('NextToken') ?? '';
  const maxResults = request.optionalInteger('MaxResults', 1, 1000) ?? 1000;
  const rest = names.filter((name) => name > after);
  const page = rest.slice(0, maxResults);
  const last = page.at(-1);
  return {
    page,
    token: last === undefined || rest.length === page.length ? {} : { NextToken: last },
  };
}

function seconds(ms: number): string {
  return String(Math.floor(ms / 1000));
}
