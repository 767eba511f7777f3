import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { invalidRequest, ServingError } from '../../errors.ts';
import { isNotFound, storageUnavailable } from './failure.ts';

/** What one referenced object may be: it is decoded in memory. */
const maximumBytes = 64 * 1024 * 1024;

/**
 * Objects that requests refer to instead of carrying them. They come from one bucket alone: a caller must not read
 * with the function's rights what its own would not let it.
 *
 * @param allowedBucket undefined when no bucket is open to references
 */
export function referencedObjects(client: S3Client, allowedBucket: string | undefined) {
  /** @throws ServingError INVALID_REQUEST, NOT_FOUND, PAYLOAD_TOO_LARGE, UNAVAILABLE */
  return async (bucket: string, key: string): Promise<Uint8Array> => {
    if (bucket !== allowedBucket) {
      throw invalidRequest('s3', 'an object of the jobs bucket', `one of ${bucket}`);
    }
    try {
      const { Body, ContentLength = 0 } = await client.send(
        new GetObjectCommand({ Bucket: bucket, Key: key }),
      );
      if (Body === undefined) throw new Error('S3 answered without a body');
      if (ContentLength > maximumBytes) {
        // A body that nobody reads would hold its socket.
        await Body.transformToWebStream().cancel();
        throw new ServingError(
          'PAYLOAD_TOO_LARGE',
          `s3: expected an object of at most ${maximumBytes} bytes, got ${ContentLength}`,
        );
      }
      return await Body.transformToByteArray();
    } catch (cause) {
      if (isNotFound(cause)) {
        throw new ServingError('NOT_FOUND', `s3: there is no object ${key}`, { cause });
      }
      throw storageUnavailable('s3', cause);
    }
  };
}
