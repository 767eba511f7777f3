import { laptopAccountId, queueArn } from '../template/names.ts';
import { type Message, type MessageAttributes, md5Of, md5OfAttributes } from './message.ts';
import type { Delivery } from './message-store.ts';

/**
 * A delivery as ReceiveMessage answers it.
 * @param systemNames the system attributes asked for, or `All`
 * @param names the message attributes asked for: by name, `prefix.*`, or `All`
 */
export function describeMessage(
  delivery: Delivery,
  systemNames: readonly string[],
  names: readonly string[],
) {
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
