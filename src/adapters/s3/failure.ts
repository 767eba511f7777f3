import { S3ServiceException } from '@aws-sdk/client-s3';
import { ServingError } from '../../errors.ts';

/** HTTP status of a failed S3 call; undefined when there was no answer. */
export function s3Status(thrown: unknown): number | undefined {
  return thrown instanceof S3ServiceException ? thrown.$metadata.httpStatusCode : undefined;
}

/** Whether the object is not there (a HEAD has no body, so only the status tells). */
export function isNotFound(thrown: unknown): boolean {
  return s3Status(thrown) === 404;
}

/** A failure to read or write that may pass: what is told names the work, never the bucket. */
export function storageUnavailable(work: string, cause: unknown): ServingError {
  if (cause instanceof ServingError) return cause;
  return new ServingError('UNAVAILABLE', `${work}: storage did not answer as expected`, { cause });
}
