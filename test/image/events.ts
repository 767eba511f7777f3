import type { Message } from '@aws-sdk/client-sqs';

/** A request as API Gateway's HTTP API hands it over (payload format 2.0). */
export function inferEvent(path: string, body: unknown) {
  return {
    version: '2.0',
    routeKey: 'ANY /v2/{proxy+}',
    rawPath: path,
    rawQueryString: '',
    headers: { 'content-type': 'application/json' },
    requestContext: {
      http: {
        method: 'POST',
        path,
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: 'test',
      },
      requestId: 'request',
      stage: '$default',
    },
    body: JSON.stringify(body),
    isBase64Encoded: false,
  };
}

/** A message as Lambda's event source mapping hands it over. */
export function sqsEvent(queue: string, { MessageId, ReceiptHandle, Body }: Message) {
  return {
    Records: [
      {
        messageId: MessageId,
        receiptHandle: ReceiptHandle,
        body: Body,
        attributes: { ApproximateReceiveCount: '1' },
        messageAttributes: {},
        eventSource: 'aws:sqs',
        eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${queue}`,
        awsRegion: 'us-east-1',
      },
    ],
  };
}
