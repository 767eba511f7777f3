import { queueArn, queueNameOf } from '../template/names.ts';
import { SqsError } from './errors.ts';

/** What happens to a message that was received `maxReceiveCount` times and never deleted. */
export interface Redrive {
  readonly deadLetterQueueName: string;
  readonly maxReceiveCount: number;
}

/** Which queues may name this one as their dead-letter queue. */
export interface RedriveAllow {
  readonly permission: 'allowAll' | 'denyAll' | 'byQueue';
  /** For `byQueue`. */
  readonly sourceQueueNames?: readonly string[];
}

export interface QueueSettings {
  /** How long a received message is hidden from others. */
  readonly visibilityTimeoutSeconds: number;
  /** How long a sent message waits before it may be received. */
  readonly delaySeconds: number;
  /** How long a message is kept, from when it was first sent. */
  readonly retentionSeconds: number;
  /** How long ReceiveMessage waits for a message when the call does not say. */
  readonly receiveWaitSeconds: number;
  readonly maximumMessageSizeBytes: number;
  readonly redrive: Redrive | undefined;
  readonly redriveAllow: RedriveAllow | undefined;
  /** Attributes that are kept and given back, and mean nothing here (policy, encryption). */
  readonly inert: Readonly<Record<string, string>>;
}

/** SQS's own defaults; the message size is the one that holds in every partition and region. */
export const defaultSettings: QueueSettings = {
  visibilityTimeoutSeconds: 30,
  delaySeconds: 0,
  retentionSeconds: 345_600,
  receiveWaitSeconds: 0,
  maximumMessageSizeBytes: 262_144,
  redrive: undefined,
  redriveAllow: undefined,
  inert: {},
};

type NumberSetting = {
  [Name in keyof QueueSettings]: QueueSettings[Name] extends number ? Name : never;
}[keyof QueueSettings];

/** Attribute, its setting and its range (SQS API reference: SetQueueAttributes). */
const numberAttributes: readonly (readonly [string, NumberSetting, number, number])[] = [
  ['VisibilityTimeout', 'visibilityTimeoutSeconds', 0, 43_200],
  ['DelaySeconds', 'delaySeconds', 0, 900],
  ['MessageRetentionPeriod', 'retentionSeconds', 60, 1_209_600],
  ['ReceiveMessageWaitTimeSeconds', 'receiveWaitSeconds', 0, 20],
  ['MaximumMessageSize', 'maximumMessageSizeBytes', 1024, 1_048_576],
];

const inertAttributes: ReadonlySet<string> = new Set([
  'Policy',
  'KmsMasterKeyId',
  'KmsDataKeyReusePeriodSeconds',
  'SqsManagedSseEnabled',
]);

const fifoAttributes: ReadonlySet<string> = new Set([
  'FifoQueue',
  'ContentBasedDeduplication',
  'DeduplicationScope',
  'FifoThroughputLimit',
]);

/**
 * The settings after `attributes` have been set. An empty text takes a policy away.
 * @throws SqsError that names the attribute
 */
export function withAttributes(
  settings: QueueSettings,
  attributes: ReadonlyMap<string, string>,
): QueueSettings {
  const changed = { ...settings, inert: { ...settings.inert } };
  for (const [name, text] of attributes) {
    const number = numberAttributes.find(([attribute]) => attribute === name);
    if (number !== undefined) changed[number[1]] = parseNumber(name, text, number[2], number[3]);
    else if (name === 'RedrivePolicy')
      changed.redrive = text === '' ? undefined : parseRedrive(text);
    else if (name === 'RedriveAllowPolicy')
      changed.redriveAllow = text === '' ? undefined : parseRedriveAllow(text);
    else if (inertAttributes.has(name)) changed.inert[name] = text;
    else if (fifoAttributes.has(name)) throw fifoUnsupported();
    else throw new SqsError('InvalidAttributeName', `Unknown Attribute ${name}.`);
  }
  return changed;
}

/** What was asked for and is not here. */
export function fifoUnsupported(): SqsError {
  return new SqsError(
    'UnsupportedOperation',
    'FIFO queues are not supported by the laptop cloud: use a standard queue.',
  );
}

/** The attributes that say the same as the settings, as GetQueueAttributes gives them. */
export function attributesOf(settings: QueueSettings): Record<string, string> {
  const attributes: Record<string, string> = { SqsManagedSseEnabled: 'true', ...settings.inert };
  for (const [name, setting] of numberAttributes) attributes[name] = String(settings[setting]);
  const { redrive, redriveAllow } = settings;
  if (redrive !== undefined) {
    attributes['RedrivePolicy'] = JSON.stringify({
      deadLetterTargetArn: queueArn(redrive.deadLetterQueueName),
      maxReceiveCount: redrive.maxReceiveCount,
    });
  }
  if (redriveAllow !== undefined) {
    attributes['RedriveAllowPolicy'] = JSON.stringify({
      redrivePermission: redriveAllow.permission,
      ...(redriveAllow.permission === 'byQueue'
        ? { sourceQueueArns: (redriveAllow.sourceQueueNames ?? []).map(queueArn) }
        : {}),
    });
  }
  return attributes;
}

/** Whether a queue's redrive policy may name the queue of these settings. */
export function allowsSource(settings: QueueSettings, sourceQueueName: string): boolean {
  const { redriveAllow } = settings;
  if (redriveAllow === undefined || redriveAllow.permission === 'allowAll') return true;
  if (redriveAllow.permission === 'denyAll') return false;
  return redriveAllow.sourceQueueNames?.includes(sourceQueueName) ?? false;
}

function parseNumber(name: string, text: string, minimum: number, maximum: number): number {
  const value = Number(text);
  if (text === '' || !Number.isInteger(value) || value < minimum || value > maximum) {
    throw new SqsError('InvalidAttributeValue', `Invalid value for the parameter ${name}.`);
  }
  return value;
}

function parseRedrive(text: string): Redrive {
  const invalid = (reason: string) => invalidPolicy('RedrivePolicy', text, reason);
  const policy = parsePolicy('RedrivePolicy', text);
  const arn = policy['deadLetterTargetArn'];
  // CloudFormation and older clients send the number as a text.
  const maxReceiveCount = Number(policy['maxReceiveCount'] ?? 10);
  const name = typeof arn === 'string' ? queueNameOf(arn) : undefined;
  if (name === undefined) throw invalid('deadLetterTargetArn must be the ARN of a queue.');
  if (!Number.isInteger(maxReceiveCount) || maxReceiveCount < 1 || maxReceiveCount > 1000) {
    throw invalid('Invalid value for maxReceiveCount: must be between 1 and 1000.');
  }
  return { deadLetterQueueName: name, maxReceiveCount };
}

function parseRedriveAllow(text: string): RedriveAllow {
  const invalid = (reason: string) => invalidPolicy('RedriveAllowPolicy', text, reason);
  const policy = parsePolicy('RedriveAllowPolicy', text);
  const permission = policy['redrivePermission'];
  const arns: unknown = policy['sourceQueueArns'] ?? [];
  if (permission === 'allowAll' || permission === 'denyAll') return { permission };
  if (permission !== 'byQueue') {
    throw invalid('redrivePermission must be allowAll, denyAll or byQueue.');
  }
  if (!Array.isArray(arns) || arns.length < 1 || arns.length > 10) {
    throw invalid('sourceQueueArns must name 1 to 10 queues.');
  }
  const sourceQueueNames = arns.map((arn: unknown) => {
    const name = typeof arn === 'string' ? queueNameOf(arn) : undefined;
    if (name === undefined) throw invalid('sourceQueueArns must be ARNs of queues.');
    return name;
  });
  return { permission, sourceQueueNames };
}

function parsePolicy(name: string, text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidPolicy(name, text, 'It is not JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidPolicy(name, text, 'It must be a JSON object.');
  }
  return value as Readonly<Record<string, unknown>>;
}

function invalidPolicy(name: string, text: string, reason: string): SqsError {
  return new SqsError(
    'InvalidParameterValue',
    `Value ${text} for parameter ${name} is invalid. Reason: ${reason}`,
  );
}
