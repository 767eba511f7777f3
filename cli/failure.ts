import { S3ServiceException } from '@aws-sdk/client-s3';
import { UsageError } from './usage-error.ts';

/** Where the command looks for the models bucket. */
export interface Place {
  readonly bucket: string;
  readonly endpoint: string | undefined;
}

/** What the SDK throws as the sentence that a user can mend it by; anything else as it is. */
export function explained(thrown: unknown, place: Place): unknown {
  const sentence = sentenceOf(thrown, place);
  return sentence === undefined ? thrown : new UsageError(sentence);
}

function sentenceOf(thrown: unknown, place: Place): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if (thrown instanceof S3ServiceException) {
    return `S3 refuses a call on bucket ${place.bucket}: ${thrown.name}: ${thrown.message}`;
  }
  const code = String(Object(thrown).code);
  if (networkCodes.has(code)) return `${place.endpoint ?? 'S3'} cannot be reached: ${code}`;
  if (thrown.name === 'CredentialsProviderError') {
    return `no AWS credentials (${thrown.message}): log in, or name another S3 by --endpoint`;
  }
  // The SDK has no name for it.
  if (thrown.message === 'Region is missing') {
    return 'no AWS region: set AWS_REGION, or name another S3 by --endpoint';
  }
  return undefined;
}

const networkCodes: ReadonlySet<string> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT'],
]);
