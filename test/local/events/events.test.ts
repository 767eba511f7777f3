import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { afterEach, describe, expect, it } from 'vitest';
import { type BusEvent, type EventsServer, startEvents } from '../../../local/events/server.ts';
import { EventBridgeJobEvents } from '../../../src/adapters/eventbridge/job-events.ts';

let server: EventsServer;
afterEach(() => server.close());

function client(): EventBridgeClient {
  return new EventBridgeClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
}

describe('the event bus', () => {
  it('takes events of the SDK, and tells of them', async () => {
    const heard: BusEvent[] = [];
    server = await startEvents({ port: 0, onEvent: (event) => heard.push(event) });
    const put = await client().send(
      new PutEventsCommand({
        Entries: [
          {
            EventBusName: 'jobs',
            Source: 'pilotlight',
            DetailType: 'Transform Job Completed',
            Detail: '{"jobId":"1"}',
          },
          { Source: 'pilotlight', DetailType: 'Broken', Detail: 'not json' },
        ],
      }),
    );
    expect(put.FailedEntryCount).toBe(1);
    expect(put.Entries?.[1]).toMatchObject({ ErrorCode: 'MalformedDetail' });
    expect(server.events).toEqual([
      {
        id: put.Entries?.[0]?.EventId,
        busName: 'jobs',
        source: 'pilotlight',
        detailType: 'Transform Job Completed',
        detail: { jobId: '1' },
      },
    ]);
    expect(heard).toEqual(server.events);
  });

  it('is told of a completed job by the adapter, which may try again where it was not', async () => {
    server = await startEvents({ port: 0 });
    const event = {
      jobId: 'adder.rows.0123456789abcdef',
      model: 'adder',
      version: '1',
      records: 5,
      failed: 1,
      manifest: 'jobs/adder.rows.0123456789abcdef/manifest.json',
    };
    await new EventBridgeJobEvents(client(), 'jobs').completed(event);
    expect(server.events).toMatchObject([
      {
        busName: 'jobs',
        source: 'pilotlight',
        detailType: 'Transform job completed',
        detail: event,
      },
    ]);
    await server.close();
    await expect(new EventBridgeJobEvents(client(), 'jobs').completed(event)).rejects.toMatchObject(
      { code: 'UNAVAILABLE', retryable: true },
    );
    server = await startEvents({ port: 0 });
  });

  it('answers what it does not know with an error, not with silence', async () => {
    server = await startEvents({ port: 0 });
    const response = await fetch(server.url, { method: 'POST', body: '{' });
    expect(response.status).toBe(400);
    const malformed = await fetch(server.url, {
      method: 'POST',
      body: '{',
      headers: { 'x-amz-target': 'AWSEvents.PutEvents' },
    });
    expect(malformed.status).toBe(400);
  });
});
