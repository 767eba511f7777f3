/**
 * The errors that SQS answers with: name of the exception in the JSON protocol, its name in the older query
 * protocol (sent as `x-amzn-query-error`, which the SDK shows as `Error.Code`) and the HTTP status.
 * Source: the service model of @aws-sdk/client-sqs (`awsQueryError` traits) and, for the errors that are not
 * in the model, the common errors of the SQS API reference.
 */
const errors = {
  BatchEntryIdsNotDistinct: ['AWS.SimpleQueueService.BatchEntryIdsNotDistinct', 400],
  BatchRequestTooLong: ['AWS.SimpleQueueService.BatchRequestTooLong', 400],
  EmptyBatchRequest: ['AWS.SimpleQueueService.EmptyBatchRequest', 400],
  InternalFailure: ['InternalFailure', 500],
  InvalidAddress: ['InvalidAddress', 404],
  InvalidAttributeName: ['InvalidAttributeName', 400],
  InvalidAttributeValue: ['InvalidAttributeValue', 400],
  InvalidBatchEntryId: ['AWS.SimpleQueueService.InvalidBatchEntryId', 400],
  InvalidMessageContents: ['InvalidMessageContents', 400],
  InvalidParameterValue: ['InvalidParameterValue', 400],
  MissingParameter: ['MissingParameter', 400],
  OverLimit: ['OverLimit', 403],
  QueueDoesNotExist: ['AWS.SimpleQueueService.NonExistentQueue', 400],
  QueueNameExists: ['QueueAlreadyExists', 400],
  ReceiptHandleIsInvalid: ['ReceiptHandleIsInvalid', 404],
  RequestThrottled: ['RequestThrottled', 403],
  ResourceNotFoundException: ['ResourceNotFoundException', 404],
  SerializationException: ['MalformedInput', 400],
  ServiceUnavailable: ['ServiceUnavailable', 503],
  TooManyEntriesInBatchRequest: ['AWS.SimpleQueueService.TooManyEntriesInBatchRequest', 400],
  UnknownOperationException: ['InvalidAction', 400],
  UnsupportedOperation: ['AWS.SimpleQueueService.UnsupportedOperation', 400],
} as const satisfies Record<string, readonly [queryCode: string, statusCode: number]>;

export type SqsErrorName = keyof typeof errors;

/** A failure that the caller is told of, on the wire as `{"__type", "message"}`. */
export class SqsError extends Error {
  override readonly name: SqsErrorName;
  /** Name of the error in the query protocol; also the `Code` of a failed batch entry. */
  readonly queryCode: string;
  /** HTTP status. */
  readonly statusCode: number;

  constructor(name: SqsErrorName, message: string) {
    super(message);
    this.name = name;
    [this.queryCode, this.statusCode] = errors[name];
  }

  /** Whether the caller is at fault, not the service. */
  get senderFault(): boolean {
    return this.statusCode < 500;
  }
}

/** `Value 11 for parameter MaxNumberOfMessages is invalid. Reason: ...`, the sentence that AWS uses. */
export function invalidParameter(parameter: string, value: unknown, reason: string): SqsError {
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  return new SqsError(
    'InvalidParameterValue',
    `Value ${shown} for parameter ${parameter} is invalid. Reason: ${reason}`,
  );
}
