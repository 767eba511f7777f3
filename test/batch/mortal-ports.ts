import { createMediaDecoders } from '../../src/adapters/media/decoders.ts';
import type { ObjectStore } from '../../src/batch/object-store.ts';
import type { TransformContext } from '../../src/batch/ports.ts';
import { ServingError } from '../../src/errors.ts';
import type { ModelProvider } from '../../src/models/provider.ts';
import type { Session } from '../../src/models/session.ts';
import { withRun } from '../support/with-run.ts';

/** What a process that has died says to everything it still tries. */
export class Death extends Error {
  override readonly name = 'Death';
}

/** Passes over what a delivery may fail with. @throws everything else */
export function passOver(thrown: unknown): void {
  if (thrown instanceof Death) return;
  if (thrown instanceof ServingError && thrown.retryable) return;
  throw thrown;
}

/** Carries a call of a port out, as far as the process lives and nothing goes wrong. */
export type Call = <T>(work: () => Promise<T>) => Promise<T>;

/** A store as a process sees it that may die at any call. */
export function mortalStore(store: ObjectStore, call: Call): ObjectStore {
  return {
    head: (...args) => call(() => store.head(...args)),
    read: (...args) => call(() => store.read(...args)),
    get: (...args) => call(() => store.get(...args)),
    put: (...args) => call(() => store.put(...args)),
    assemble: (...args) => call(() => store.assemble(...args)),
    list: (...args) => call(() => store.list(...args)),
  };
}

/** The media libraries, and what requests refer to: objects of the jobs bucket. */
export function mortalServices(jobs: ObjectStore, call: Call): TransformContext['services'] {
  const fetchObject = async (bucket: string, key: string) => {
    const object = bucket === 'jobs' ? await jobs.get(key) : undefined;
    if (object === undefined) throw new ServingError('NOT_FOUND', `s3: there is no object ${key}`);
    return object.body;
  };
  return async () => ({
    ...createMediaDecoders(),
    fetchObject: (bucket, key) => call(() => fetchObject(bucket, key)),
  });
}

/** A value in a record's tensor at which the simulated process dies, as a real one does of an integer division. */
export const poison = 1e9;

/**
 * Models as a process sees them that may die at any call, and does of a poisonous record.
 *
 * @param ran is told how many rows are about to run
 */
export function mortalModels(
  models: ModelProvider,
  call: Call,
  die: () => never,
  ran: (rows: number) => void,
): ModelProvider {
  return {
    resolve: (reference) => call(() => models.resolve(reference)),
    describe: (model) => models.describe(model),
    acquire: async (reference) => {
      // A lease is no message: it cannot get lost on its way.
      await call(() => Promise.resolve());
      const lease = await models.acquire(reference);
      const { session } = lease;
      const run: Session['run'] = async (feeds, outputNames) => {
        if (feeds.some(({ data }) => data.some((value) => value === poison))) die();
        ran(feeds[0]?.shape[0] ?? 1);
        return session.run(feeds, outputNames);
      };
      return { ...lease, session: withRun(session, run) };
    },
  };
}
