import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs';
import type { SQSMessageAttribute, SQSRecord } from 'aws-lambda';

/** A message as the function sees it, and the text of it that goes into the event. */
export interface EventRecord {
  readonly record: SQSRecord;
  readonly json: string;
}

const eventStart = '{"Records":[';
const eventEnd = ']}';

/** A received message as a record of Lambda's SQS event. Source: Lambda developer guide, "with-sqs". */
export function toEventRecord(message: Message, queueArn: string, region: string): EventRecord {
  const { Attributes: attributes = {}, MD5OfMessageAttributes: md5OfMessageAttributes } = message;
  const record: SQSRecord = {
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    attributes: {
      ...attributes,
      ApproximateReceiveCount: attributes.ApproximateReceiveCount ?? '',
      SentTimestamp: attributes.SentTimestamp ?? '',
      SenderId: attributes.SenderId ?? '',
      ApproximateFirstReceiveTimestamp: attributes.ApproximateFirstReceiveTimestamp ?? '',
    },
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(([name, value]) => [
        name,
        toEventAttribute(value),
      ]),
    ),
    ...(md5OfMessageAttributes === undefined ? {} : { md5OfMessageAttributes }),
    md5OfBody: message.MD5OfBody ?? '',
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: region,
  };
  return { record, json: JSON.stringify(record) };
}

/** The event of these records, as JSON text. */
export function eventOf(records: readonly EventRecord[]): string {
  return `${eventStart}${records.map(({ json }) => json).join(',')}${eventEnd}`;
}

/**
 * Splits records, in order, into groups whose event is at most `maximumBytes` long. A record that is longer
 * by itself makes a group of its own.
 */
export function splitBySize(
  records: readonly EventRecord[],
  maximumBytes: number,
): readonly (readonly EventRecord[])[] {
  const groups: EventRecord[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const record of records) {
    const recordBytes = Buffer.byteLength(record.json) + 1;
    if (bytes + recordBytes > maximumBytes) {
      groups.push([]);
      bytes = eventStart.length + eventEnd.length;
    }
    groups.at(-1)?.push(record);
    bytes += recordBytes;
  }
  return groups;
}

function toEventAttribute(value: MessageAttributeValue): SQSMessageAttribute {
  return {
    ...(value.StringValue === undefined ? {} : { stringValue: value.StringValue }),
    ...(value.BinaryValue === undefined
      ? {}
      : { binaryValue: Buffer.from(value.BinaryValue).toString('base64') }),
    stringListValues: [],
    binaryListValues: [],
    dataType: value.DataType ?? 'String',
  };
}
