/** Limits of AWS that shape the code, each with its source, and our own. */

/** Lambda's synchronous payload each way (docs: gettingstarted-limits, 6 MB). */
export const lambdaPayloadBytes = 6 * 1024 * 1024;

/** API Gateway HTTP API's integration timeout: fixed (docs: apigateway limits). */
export const httpApiTimeoutMs = 30_000;

/** What a binary body may be: it crosses Lambda as base64, four characters for three bytes, within an envelope. */
export const binaryBodyBytes = Math.floor(((lambdaPayloadBytes - 64 * 1024) * 3) / 4);

/** One virtual CPU for each 1,769 MB of a function's memory (docs: configuration-memory). */
export const memoryPerVirtualCpuMB = 1769;

/** SQS: entries of one batch call (docs: quotas-messages). */
export const sqsBatchEntries = 10;

/** SQS: the size of one message that is safe everywhere. */
export const sqsMessageBytes = 256 * 1024;

/** Lambda's longest timeout. */
export const lambdaTimeoutSeconds = 900;

/** Visibility must outlive a function that uses all of its timeout and its retries (docs: services-sqs-configure). */
export const visibilityTimeoutFactor = 6;

/** What a compressed body may come to: a bomb of zeros ends here. */
export const decodedBodyBytes = 64 * 1024 * 1024;

/** Deliveries of a message before it goes to the dead-letter queue, where the stack says nothing else. */
export const defaultMaxReceiveCount = 5;
