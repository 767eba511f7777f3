import { S3ServiceException } from '@aws-sdk/client-s3';

/** HTTP status of a failed S3 call; undefined when there was no answer. */
export function statusOf(thrown: unknown): number | undefined {
  return thrown instanceof S3ServiceException ? thrown.$metadata.httpStatusCode : undefined;
}

/** Whether a conditional write found that somebody else's came first, or is under way. */
export function cameSecond(thrown: unknown): boolean {
  const status = statusOf(thrown);
  return status === 412 || status === 409;
}
