import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { close, listen } from '../listen.ts';
import { readBody } from '../request-body.ts';

/** An event that was put on a bus. */
export interface BusEvent {
  readonly id: string;
  readonly busName: string;
  readonly source: string;
  readonly detailType: string;
  /** What the JSON of its detail says. */
  readonly detail: unknown;
}

export interface EventsOptions {
  /** 0 for a free one. */
  readonly port: number;
  /** Hears each event as it comes. @default nobody */
  readonly onEvent?: ((event: BusEvent) => void) | undefined;
}

/** EventBridge's stand-in, as far as PutEvents: there are no rules, whoever wants to know listens here. */
export interface EventsServer {
  readonly url: string;
  /** The latest events, oldest first. */
  readonly events: readonly BusEvent[];
  close(): Promise<void>;
}

const keptEvents = 1000;

/** Room for entries of 1 MiB (docs: eb-putevents) with what JSON escapes of them. */
const requestBodyBytes = 2 * 1024 * 1024;

/** @throws ListenError when the port cannot be had */
export async function startEvents(options: EventsOptions): Promise<EventsServer> {
  const events: BusEvent[] = [];

  function take(entry: unknown): { EventId: string } | { ErrorCode: string; ErrorMessage: string } {
    const event = parseEntry(entry);
    if ('ErrorCode' in event) return event;
    events.push(event);
    if (events.length > keptEvents) events.shift();
    options.onEvent?.(event);
    return { EventId: event.id };
  }

  const server = createServer(async (request, response) => {
    const answer = (statusCode: number, body: object) =>
      response
        .writeHead(statusCode, { 'content-type': 'application/x-amz-json-1.1' })
        .end(JSON.stringify(body));
    try {
      if (request.headers['x-amz-target'] !== 'AWSEvents.PutEvents') {
        answer(400, { __type: 'UnknownOperationException', message: 'only PutEvents is here' });
        return;
      }
      const entries = member(
        JSON.parse(String(await readBody(request, requestBodyBytes))),
        'Entries',
      );
      if (!Array.isArray(entries)) {
        answer(400, { __type: 'ValidationException', message: 'Entries: expected a list' });
        return;
      }
      const results = entries.map(take);
      const failed = results.filter((result) => 'ErrorCode' in result).length;
      answer(200, { FailedEntryCount: failed, Entries: results });
    } catch {
      answer(400, { __type: 'SerializationException', message: 'expected JSON' });
    }
  });
  const port = await listen(server, options.port);
  return {
    url: `http://127.0.0.1:${port}`,
    events,
    close: () => close(server, 0),
  };
}

function parseEntry(entry: unknown): BusEvent | { ErrorCode: string; ErrorMessage: string } {
  const text = (name: string) => {
    const value = member(entry, name);
    return typeof value === 'string' ? value : '';
  };
  try {
    return {
      id: randomUUID(),
      busName: text('EventBusName') || 'default',
      source: text('Source'),
      detailType: text('DetailType'),
      detail: JSON.parse(text('Detail')),
    };
  } catch {
    return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
