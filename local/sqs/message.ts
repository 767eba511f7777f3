import { createHash, randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { invalidParameter, SqsError } from './errors.ts';
import { Fields } from './fields.ts';

/** One message attribute; a `Binary` value is kept as base64, as the JSON protocol carries it. */
export interface MessageAttribute {
  readonly dataType: string;
  readonly stringValue?: string;
  readonly binaryValue?: string;
}

export type MessageAttributes = Readonly<Record<string, MessageAttribute>>;

/** What a sender hands over: checked, not yet in a queue. */
export interface MessageContent {
  readonly body: string;
  readonly attributes: MessageAttributes;
  /** Fair queues: which tenant a message belongs to. Kept and given back; it does not change the order. */
  readonly groupId?: string;
  /** The one system attribute that a sender may set. */
  readonly traceHeader?: string;
}

/** A message in a queue. Times are milliseconds since the epoch. */
export interface Message extends MessageContent {
  /** Tells copies of one message apart: SQS may deliver more than one, and so do injected duplicates. */
  readonly key: string;
  /** The MessageId that receivers see. */
  readonly id: string;
  readonly sentMs: number;
  /** Not to be received before then: a delay, or a receiver that is at work on it. */
  visibleAtMs: number;
  /** Receives that came to nothing; in a delivery, the one under way as well. */
  receiveCount: number;
  firstReceivedMs?: number;
  /** The queue whose redrive policy moved the message to this one. */
  readonly deadLetterSource?: string;
}

/** A new message with an id of its own. */
export function newMessage(content: MessageContent, sentMs: number, delayMs: number): Message {
  return {
    ...content,
    key: randomUUID(),
    id: randomUUID(),
    sentMs,
    visibleAtMs: sentMs + delayMs,
    receiveCount: 0,
  };
}

/** A second copy of a message, as SQS delivers now and then: same id and body, a life of its own. */
export function copyOf(message: Message): Message {
  return { ...message, key: randomUUID() };
}

/** The message as it comes into a dead-letter queue: visible, never received there, as old as it was. */
export function movedTo(message: Message, sourceQueueName: string, now: number): Message {
  const moved: Message = {
    ...copyOf(message),
    visibleAtMs: now,
    receiveCount: 0,
    deadLetterSource: sourceQueueName,
  };
  delete moved.firstReceivedMs;
  return moved;
}

const storedAttributes = v.record(
  v.string(),
  v.object({
    dataType: v.string(),
    stringValue: v.exactOptional(v.string()),
    binaryValue: v.exactOptional(v.string()),
  }),
);

/** A message as a journal holds it. */
export const storedMessage: v.GenericSchema<Message> = v.object({
  key: v.string(),
  id: v.string(),
  body: v.string(),
  attributes: storedAttributes,
  groupId: v.exactOptional(v.string()),
  traceHeader: v.exactOptional(v.string()),
  sentMs: v.number(),
  visibleAtMs: v.number(),
  receiveCount: v.number(),
  firstReceivedMs: v.exactOptional(v.number()),
  deadLetterSource: v.exactOptional(v.string()),
});

/** Lowercase hexadecimal MD5 of text as UTF-8. */
export function md5Of(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

/**
 * MD5 over message attributes: by name, each part with its length before it, and a byte for the transport
 * type. Undefined when there are none. Source: SQS developer guide, "Calculating the MD5 message digest for
 * message attributes".
 */
export function md5OfAttributes(attributes: MessageAttributes): string | undefined {
  const names = Object.keys(attributes).sort();
  if (names.length === 0) return undefined;
  const hash = createHash('md5');
  const update = (part: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.byteLength);
    hash.update(length).update(part);
  };
  for (const name of names) {
    const attribute = attributes[name];
    if (attribute === undefined) continue;
    update(Buffer.from(name));
    update(Buffer.from(attribute.dataType));
    hash.update(Buffer.of(attribute.binaryValue === undefined ? 1 : 2));
    update(valueBytes(attribute));
  }
  return hash.digest('hex');
}

/** What counts against MaximumMessageSize: the body, and each attribute's name, type and value, in bytes. */
export function sizeBytes(content: MessageContent): number {
  let total = Buffer.byteLength(content.body);
  for (const [name, attribute] of Object.entries(content.attributes)) {
    total += Buffer.byteLength(name) + Buffer.byteLength(attribute.dataType);
    total += valueBytes(attribute).byteLength;
  }
  return total;
}

function valueBytes(attribute: MessageAttribute): Buffer {
  return attribute.binaryValue === undefined
    ? Buffer.from(attribute.stringValue ?? '')
    : Buffer.from(attribute.binaryValue, 'base64');
}

/** The members that SendMessage and an entry of SendMessageBatch share. @throws SqsError */
export function parseMessageContent(fields: Fields): MessageContent {
  if (fields.optionalString('MessageDeduplicationId') !== undefined) {
    throw new SqsError(
      'InvalidParameterValue',
      'The request includes parameter MessageDeduplicationId, which is not valid for a standard queue.',
    );
  }
  const body = fields.string('MessageBody');
  assertCharacters(body);
  const groupId = fields.optionalString('MessageGroupId');
  const traceHeader = parseTraceHeader(fields);
  return {
    body,
    attributes: parseAttributes(fields),
    ...(groupId === undefined ? {} : { groupId }),
    ...(traceHeader === undefined ? {} : { traceHeader }),
  };
}

/** SendMessage: `#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF`. */
const forbiddenCharacter = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

function assertCharacters(text: string): void {
  if (forbiddenCharacter.test(text)) {
    throw new SqsError(
      'InvalidMessageContents',
      'Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | ' +
        '#xE000 to #xFFFD | #x10000 to #x10FFFF.',
    );
  }
}

/** At most ten attributes, each of type String, Number or Binary, with a label after a dot if wanted. */
function parseAttributes(fields: Fields): MessageAttributes {
  const entries = fields.entries('MessageAttributes');
  if (entries.length > 10) {
    throw invalidParameter('MessageAttributes', entries.length, 'Must have at most 10 attributes.');
  }
  return Object.fromEntries(
    entries.map(([name, value]) => [name, parseAttribute(name, new Fields(value, name))]),
  );
}

function parseAttribute(name: string, fields: Fields): MessageAttribute {
  if (!/^[A-Za-z0-9_\-.]{1,256}$/.test(name) || /^\.|\.\.|\.$|^(aws|amazon)\./i.test(name)) {
    throw invalidParameter('MessageAttributes', name, 'The message attribute name is not allowed.');
  }
  const dataType = fields.string('DataType');
  assertCharacters(dataType);
  const transportType = dataType.split('.', 1)[0];
  if (transportType === 'Binary') {
    const binaryValue = fields.optionalString('BinaryValue');
    if (!binaryValue) throw emptyAttribute(name, dataType);
    return { dataType, binaryValue };
  }
  if (transportType !== 'String' && transportType !== 'Number') {
    throw new SqsError(
      'InvalidParameterValue',
      `The type of message (user) attribute '${name}' is invalid. You must use only the following ` +
        'supported type prefixes: Binary, Number, String.',
    );
  }
  const stringValue = fields.optionalString('StringValue');
  if (!stringValue) throw emptyAttribute(name, dataType);
  assertCharacters(stringValue);
  if (transportType === 'Number' && !Number.isFinite(Number(stringValue))) {
    throw new SqsError(
      'InvalidParameterValue',
      `Can't cast the value of message (user) attribute '${name}' to a number.`,
    );
  }
  return { dataType, stringValue };
}

function emptyAttribute(name: string, dataType: string): SqsError {
  return new SqsError(
    'InvalidParameterValue',
    `Message (user) attribute '${name}' must contain a non-empty value of type '${dataType}'.`,
  );
}

function parseTraceHeader(fields: Fields): string | undefined {
  for (const [name, value] of fields.entries('MessageSystemAttributes')) {
    if (name !== 'AWSTraceHeader') {
      throw invalidParameter('MessageSystemAttributes', name, 'Only AWSTraceHeader may be sent.');
    }
    return new Fields(value, name).string('StringValue');
  }
  return undefined;
}
