import { laptopAccountId, queueArn } from '../template/names.ts';
import { SqsError } from './errors.ts';
import { Fields } from './fields.ts';
import {
  type Message,
  type MessageAttributes,
  type MessageContent,
  md5Of,
  md5OfAttributes,
  newMessage,
  parseMessageContent,
  sizeBytes,
} from './message.ts';
import type { Delivery, Queue } from './queue.ts';
import { type Operation, queueOf, type Service } from './service.ts';

/** SQS: entries of one batch call. */
const maximumEntries = 10;

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
    return { Messages: deliveries.map((delivery) => describe(delivery, systemNames, names)) };
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

interface Entry {
  readonly id: string;
  readonly fields: Fields;
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

/** The entries of a batch call. @throws SqsError when the batch as a whole is refused */
function parseEntries(request: Fields): readonly Entry[] {
  const entries = request.list('Entries').map((value, index) => {
    const fields = new Fields(value, `Entries[${index}]`);
    return { id: fields.string('Id'), fields };
  });
  if (entries.length === 0) {
    throw new SqsError('EmptyBatchRequest', 'There should be at least one entry in the request.');
  }
  if (entries.length > maximumEntries) {
    throw new SqsError(
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are ${maximumEntries}. You have sent ${entries.length}.`,
    );
  }
  const ids = new Set<string>();
  for (const { id } of entries) {
    if (!/^[A-Za-z0-9_-]{1,80}$/.test(id)) {
      throw new SqsError(
        'InvalidBatchEntryId',
        'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
      );
    }
    if (ids.has(id)) throw new SqsError('BatchEntryIdsNotDistinct', `Id ${id} repeated.`);
    ids.add(id);
  }
  return entries;
}

/** Performs each entry by itself: one that fails leaves its neighbours alone. */
async function eachEntry(
  { faults }: Service,
  operation: string,
  entries: readonly Entry[],
  perform: (fields: Fields) => Promise<object>,
) {
  const outcomes = await Promise.all(
    entries.map(async ({ id, fields }) => {
      try {
        if (faults.entryFails(operation)) {
          throw new SqsError('InternalFailure', 'Injected fault: this entry failed.');
        }
        return { successful: { Id: id, ...(await perform(fields)) } };
      } catch (error) {
        if (!(error instanceof SqsError)) throw error;
        const { queryCode: Code, senderFault: SenderFault, message: Message } = error;
        return { failed: { Id: id, SenderFault, Code, Message } };
      }
    }),
  );
  return {
    Successful: outcomes.flatMap(({ successful }) => successful ?? []),
    Failed: outcomes.flatMap(({ failed }) => failed ?? []),
  };
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

function describe(delivery: Delivery, systemNames: readonly string[], names: readonly string[]) {
  const { message, receiptHandle } = delivery;
  const system = Object.entries(systemAttributes(message)).filter(
    ([name]) => systemNames.includes('All') || systemNames.includes(name),
  );
  const attributes = selectAttributes(message.attributes, names);
  const md5OfMessageAttributes = md5OfAttributes(attributes);
  return {
    MessageId: message.id,
    ReceiptHandle: receiptHandle,
    MD5OfBody: md5Of(message.body),
    Body: message.body,
    ...(system.length === 0 ? {} : { Attributes: Object.fromEntries(system) }),
    ...(md5OfMessageAttributes === undefined
      ? {}
      : {
          MD5OfMessageAttributes: md5OfMessageAttributes,
          MessageAttributes: Object.fromEntries(
            Object.entries(attributes).map(([name, { dataType, stringValue, binaryValue }]) => [
              name,
              { DataType: dataType, StringValue: stringValue, BinaryValue: binaryValue },
            ]),
          ),
        }),
  };
}

function systemAttributes(message: Message): Record<string, string> {
  return {
    SenderId: laptopAccountId,
    SentTimestamp: String(message.sentMs),
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedMs ?? message.sentMs),
    ...(message.groupId === undefined ? {} : { MessageGroupId: message.groupId }),
    ...(message.traceHeader === undefined ? {} : { AWSTraceHeader: message.traceHeader }),
    ...(message.deadLetterSource === undefined
      ? {}
      : { DeadLetterQueueSourceArn: queueArn(message.deadLetterSource) }),
  };
}

/** `All` or `.*` for every attribute, `prefix.*` for those that begin so, else by name. */
function selectAttributes(
  attributes: MessageAttributes,
  names: readonly string[],
): MessageAttributes {
  const isWanted = (attribute: string) =>
    names.some(
      (name) =>
        name === 'All' ||
        name === attribute ||
        (name.endsWith('.*') && attribute.startsWith(name.slice(0, -2))),
    );
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => isWanted(name)));
}
