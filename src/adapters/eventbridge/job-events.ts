import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { JobCompleted, JobEvents } from '../../batch/ports.ts';
import { ServingError } from '../../errors.ts';

const source = 'pilotlight';

export function createEventBridgeClient(): EventBridgeClient {
  return new EventBridgeClient({
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 2_000, socketTimeout: 10_000 },
  });
}

/** Tells an event bus of completed jobs: source `pilotlight`, detail type `Transform job completed`. */
export class EventBridgeJobEvents implements JobEvents {
  readonly #client: EventBridgeClient;
  readonly #busName: string;

  constructor(client: EventBridgeClient, busName: string) {
    this.#client = client;
    this.#busName = busName;
  }

  async completed(event: JobCompleted): Promise<void> {
    try {
      const { FailedEntryCount = 0, Entries } = await this.#client.send(
        new PutEventsCommand({
          Entries: [
            {
              EventBusName: this.#busName,
              Source: source,
              DetailType: 'Transform job completed',
              Detail: JSON.stringify(event),
            },
          ],
        }),
      );
      if (FailedEntryCount > 0) throw new Error(Entries?.[0]?.ErrorMessage ?? 'entry refused');
    } catch (cause) {
      throw new ServingError('UNAVAILABLE', 'the event of a completed job could not be sent', {
        cause,
      });
    }
  }
}
