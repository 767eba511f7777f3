import { SQSClient } from '@aws-sdk/client-sqs';

/**
 * The SQS client of an environment. Region, credentials and endpoint come from the SDK's own environment variables.
 * Queue URLs carry their host: with an endpoint of the laptop cloud, that endpoint is meant.
 */
export function createSqsClient(): SQSClient {
  return new SQSClient({
    maxAttempts: 5,
    requestHandler: { connectionTimeout: 2_000, socketTimeout: 10_000 },
  });
}
