import { eachEntry, parseEntries } from './batch-entries.ts';
import { describeMessage } from './describe-message.ts';
import { SqsError } from './errors.ts';
import type { Fields } from './fields.ts';
import {
  type MessageContent,
  md5Of,
  md5OfAttributes,
  newMessage,
  parseMessageContent,
  sizeBytes,
} from './message.ts';
import type { Queue } from './queue.ts';
import { type Operation, queueOf, type Service } from './service.ts';

const longestVisibilitySeconds = 43_200;

/** The operations on messages, one by one and in batches. */
export const messageOperations = {
  async SendMessage(service, request) {
    const { queue } = queueOf(service, request);
    return await send(service, queue, parseOutgoing(queue, request));
  },

  async SendMessageBatch(service, request) {
    const { queue } = queueOf(service, request);
    const entries = parseEntries(request);
    const totalBytes = entries.reduce((total, { fields }) => total + roughSizeBytes(fields), 0);
    // SQS allows a batch to be as large as the largest message: 256 KiB once, 1 MiB where that is set.
    const limitBytes = Math.max(262_144, queue.settings.maximumMessageSizeBytes);
    if (totalBytes > limitBytes) {
      throw new SqsError(
        'BatchRequestTooLong',
        `Batch requests cannot be longer than ${limitBytes} bytes. You have sent ${totalBytes} bytes.`,
      );
    }
    return await eachEntry(service, 'SendMessageBatch', entries, (fields) =>
      send(service, queue, parseOutgoing(queue, fields)),
    );
  },

  async ReceiveMessage(service, request, signal) {
    const { queue } = queueOf(service, request);
    const visibilitySeconds = visibilityTimeoutOf(request);
    const waitSeconds = request.optionalInteger('WaitTimeSeconds', 0, 20);
    const deliveries = await queue.receive({
      maxMessages: request.optionalInteger('MaxNumberOfMessages', 1, 10) ?? 1,
      ...(visibilitySeconds === undefined ? {} : { visibilityTimeoutMs: visibilitySeconds * 1000 }),
      ...(waitSeconds === undefined ? {} : { waitMs: waitSeconds * 1000 }),
      signal,
    });
    if (deliveries.length === 0) return {};
    const systemNames = [
      ...request.strings('AttributeNames'),
      ...request.strings('MessageSystemAttributeNames'),
    ];
    const names = request.strings('MessageAttributeNames');
    return {
      Messages: deliveries.map((delivery) => describeMessage(delivery, systemNames, names)),
    };
  },

  async DeleteMessage(service, request) {
    const { queue } = queueOf(service, request);
    await queue.delete(request.string('ReceiptHandle'));
    return {};
  },

  async DeleteMessageBatch(service, request) {
    const { queue } = queueOf(service, request);
    return await eachEntry(service, 'DeleteMessageBatch', parseEntries(request), async (fields) => {
      await queue.delete(fields.string('ReceiptHandle'));
      return {};
    });
  },

  ChangeMessageVisibility(service, request) {
    changeVisibility(queueOf(service, request).queue, request);
    return {};
  },

  async ChangeMessageVisibilityBatch(service, request) {
    const { queue } = queueOf(service, request);
    const entries = parseEntries(request);
    return await eachEntry(service, 'ChangeMessageVisibilityBatch', entries, async (fields) => {
      changeVisibility(queue, fields);
      return {};
    });
  },
} as const satisfies Record<string, Operation>;

interface Outgoing {
  readonly content: MessageContent;
  readonly delaySeconds: number;
}

/** A message for a queue, checked against its limits. @throws SqsError */
export function parseOutgoing(queue: Queue, fields: Fields): Outgoing {
  const content = parseMessageContent(fields);
  const { maximumMessageSizeBytes, delaySeconds } = queue.settings;
  if (sizeBytes(content) > maximumMessageSizeBytes) {
    throw new SqsError(
      'InvalidParameterValue',
      `One or more parameters are invalid. Reason: Message must be shorter than ${maximumMessageSizeBytes} bytes.`,
    );
  }
  return { content, delaySeconds: fields.optionalInteger('DelaySeconds', 0, 900) ?? delaySeconds };
}

/** Puts a message into a queue, and what faults make of it; resolves when it would survive a restart. */
export async function send({ faults, now }: Service, queue: Queue, outgoing: Outgoing) {
  const { content, delaySeconds } = outgoing;
  const message = newMessage(content, now(), delaySeconds * 1000);
  await Promise.all(faults.deliveriesOf(message).map((copy) => queue.put(copy)));
  const md5OfMessageAttributes = md5OfAttributes(content.attributes);
  return {
    MessageId: message.id,
    MD5OfMessageBody: md5Of(content.body),
    ...(md5OfMessageAttributes === undefined
      ? {}
      : { MD5OfMessageAttributes: md5OfMessageAttributes }),
    ...(content.traceHeader === undefined
      ? {}
      : {
          MD5OfMessageSystemAttributes: md5OfAttributes({
            AWSTraceHeader: { dataType: 'String', stringValue: content.traceHeader },
          }),
        }),
  };
}

function changeVisibility(queue: Queue, fields: Fields): void {
  const handle = fields.string('ReceiptHandle');
  const seconds = visibilityTimeoutOf(fields);
  if (seconds === undefined) {
    throw new SqsError(
      'MissingParameter',
      'The request must contain the parameter VisibilityTimeout.',
    );
  }
  queue.changeVisibility(handle, seconds * 1000);
}

function visibilityTimeoutOf(fields: Fields): number | undefined {
  return fields.optionalInteger('VisibilityTimeout', 0, longestVisibilitySeconds);
}

/** An entry's share of a batch's size, before it is known whether the entry is right. */
function roughSizeBytes(fields: Fields): number {
  try {
    return sizeBytes(parseMessageContent(fields));
  } catch (error) {
    if (!(error instanceof SqsError)) throw error;
    return 0;
  }
}
