import { randomBytes } from 'node:crypto';
import type { OutboxMessage, Version } from './model.ts';

/** Names of events, as they stand in a message: configured ones carry `s3:` before them. */
export type EventName =
  | 'ObjectCreated:Put'
  | 'ObjectCreated:Copy'
  | 'ObjectCreated:CompleteMultipartUpload'
  | 'ObjectRemoved:Delete'
  | 'ObjectRemoved:DeleteMarkerCreated';

/** One change of one object. */
export interface ObjectEvent {
  readonly name: EventName;
  readonly bucket: string;
  readonly key: string;
  /** The version that came, or that went. */
  readonly version: Version;
  /** Grows with every event, also over a restart. */
  readonly sequence: number;
  readonly timeMs: number;
}

/** Which events of a bucket are told to whom. */
export interface S3NotificationOptions {
  /** Names the notification over restarts; `configurationId` of its messages. */
  readonly id: string;
  readonly bucket: string;
  /** As in a bucket's notification configuration: `s3:ObjectCreated:*`, `s3:ObjectRemoved:Delete`, ... */
  readonly events: readonly string[];
  /** What keys must begin with. @default '' */
  readonly prefix?: string;
  /** What keys must end with. @default '' */
  readonly suffix?: string;
  /** Puts a message on its queue. When it rejects, the message is kept and tried again. */
  readonly deliver: (message: string) => Promise<void>;
}

/** Whether a notification is about an event. */
export function matches(notification: S3NotificationOptions, event: ObjectEvent): boolean {
  return (
    notification.bucket === event.bucket &&
    event.key.startsWith(notification.prefix ?? '') &&
    event.key.endsWith(notification.suffix ?? '') &&
    notification.events.some((pattern) => matchesName(pattern, event.name))
  );
}

function matchesName(pattern: string, name: EventName): boolean {
  const full = `s3:${name}`;
  return pattern.endsWith(':*') ? full.startsWith(pattern.slice(0, -1)) : pattern === full;
}

/**
 * The message that S3 sends for an event. Source: "Event message structure" of the Amazon S3 user guide,
 * version 2.1.
 */
export function eventMessage(
  notification: S3NotificationOptions,
  event: ObjectEvent,
  region: string,
): OutboxMessage {
  const { bucket, version } = event;
  const record = {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: region,
    eventTime: new Date(event.timeMs).toISOString(),
    eventName: event.name,
    userIdentity: { principalId: 'AWS:LOCAL' },
    requestParameters: { sourceIPAddress: '127.0.0.1' },
    responseElements: { 'x-amz-request-id': requestId(), 'x-amz-id-2': requestId() },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: notification.id,
      bucket: {
        name: bucket,
        ownerIdentity: { principalId: 'LOCAL' },
        arn: `arn:aws:s3:::${bucket}`,
      },
      object: {
        key: encodeNotificationKey(event.key),
        ...(version.deleteMarker || event.name === 'ObjectRemoved:Delete'
          ? {}
          : { size: version.sizeBytes, eTag: version.etag }),
        ...(version.versionId === 'null' ? {} : { versionId: version.versionId }),
        sequencer: event.sequence.toString(16).toUpperCase().padStart(18, '0'),
      },
    },
  };
  return outboxMessage(notification, `${event.name} ${event.key}`, { Records: [record] });
}

/** The message that S3 sends once when a notification is configured. */
export function testMessage(notification: S3NotificationOptions): OutboxMessage {
  return outboxMessage(notification, 's3:TestEvent', {
    Service: 'Amazon S3',
    Event: 's3:TestEvent',
    Time: new Date().toISOString(),
    Bucket: notification.bucket,
    RequestId: requestId(),
    HostId: requestId(),
  });
}

function outboxMessage(
  notification: S3NotificationOptions,
  subject: string,
  body: unknown,
): OutboxMessage {
  return {
    id: randomBytes(12).toString('hex'),
    notificationId: notification.id,
    subject,
    message: JSON.stringify(body),
  };
}

/** Keys in messages are encoded as a form's fields are: `+` for a space; slashes stay. */
export function encodeNotificationKey(key: string): string {
  return formEncode(key).replaceAll('%2F', '/');
}

/** As `application/x-www-form-urlencoded` has it, which Java's URLEncoder, and so S3, applies to keys. */
export function formEncode(text: string): string {
  return encodeURIComponent(text)
    .replaceAll('%20', '+')
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function requestId(): string {
  return randomBytes(8).toString('hex').toUpperCase();
}
