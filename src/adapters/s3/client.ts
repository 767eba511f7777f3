import { S3Client } from '@aws-sdk/client-s3';

/** Sockets that one environment may hold open to S3: as many as it ever has ranged reads under way. */
const maximumSockets = 64;

/**
 * The S3 client of an environment. Region, credentials and endpoint come from the SDK's own environment variables;
 * an endpoint with an IP address (the laptop cloud) makes it use path-style addresses by itself.
 */
export function createS3Client(): S3Client {
  return new S3Client({
    maxAttempts: 4,
    requestHandler: {
      connectionTimeout: 2_000,
      // The time without a single byte: a frozen and thawed environment may hold dead sockets.
      socketTimeout: 10_000,
      httpAgent: { maxSockets: maximumSockets, keepAlive: true },
      httpsAgent: { maxSockets: maximumSockets, keepAlive: true },
    },
  });
}
