import { expect, it } from 'vitest';
import { ServingError } from '../../src/errors.ts';
import { ModelCatalog } from '../../src/models/catalog.ts';
import type { ModelRepository, RepositoryModel } from '../../src/models/repository.ts';

/** A repository whose answers come when, and as, the test says. */
class HeldRepository implements ModelRepository {
  readonly #listings: PromiseWithResolvers<RepositoryModel>[] = [];

  /** Listings that were asked for. */
  get asked(): number {
    return this.#listings.length;
  }

  describe(): Promise<RepositoryModel> {
    const listing = Promise.withResolvers<RepositoryModel>();
    this.#listings.push(listing);
    return listing.promise;
  }

  answer(index: number, ...versions: string[]): void {
    this.#listings[index]?.resolve({
      model: 'iris',
      config: undefined,
      versions: versions.map((version) => ({ version, files: [] })),
    });
  }

  fail(index: number, reason: ServingError): void {
    this.#listings[index]?.reject(reason);
  }

  async list(): Promise<readonly string[]> {
    return ['iris'];
  }

  async readText(): Promise<string> {
    throw new Error('these models have no configuration');
  }

  async download(): Promise<void> {
    throw new Error('a catalog downloads nothing');
  }
}

function newCatalog() {
  const repository = new HeldRepository();
  const clock = { nowMs: 0 };
  const waits: PromiseWithResolvers<void>[] = [];
  const stale: unknown[] = [];
  const catalog = new ModelCatalog({
    repository,
    nowMs: () => clock.nowMs,
    delay: () => {
      const wait = Promise.withResolvers<void>();
      waits.push(wait);
      return wait.promise;
    },
    refreshAfterMs: 1_000,
    expireAfterMs: 2_000,
    patienceMs: 500,
    onStale: (_model, reason) => stale.push(reason),
  });
  const versions = async (reading: Promise<{ readonly model: RepositoryModel }>) =>
    (await reading).model.versions.map(({ version }) => version);
  return {
    repository,
    clock,
    stale,
    catalog,
    lookup: () => versions(catalog.lookup('iris')),
    refresh: () => versions(catalog.refresh('iris')),
    runOutOfPatience: () => {
      for (const wait of waits) wait.resolve();
    },
  };
}

/** A catalog that read version 1 at time 0. */
async function catalogOfVersion1() {
  const made = newCatalog();
  const first = made.lookup();
  made.repository.answer(0, '1');
  expect(await first).toEqual(['1']);
  return made;
}

/** Lets everything that was answered arrive. */
const settled = () => new Promise((resolve) => setImmediate(resolve));
const unavailable = new ServingError('UNAVAILABLE', 'storage did not answer');

it('calls at the same moment share one reading', async () => {
  const { repository, lookup } = newCatalog();
  const calls = [lookup(), lookup(), lookup()];
  expect(repository.asked).toBe(1);
  repository.answer(0, '1');
  expect(await Promise.all(calls)).toEqual([['1'], ['1'], ['1']]);
});

it('a busy environment reads beside its calls, and the calls after it see what is new', async () => {
  const { repository, clock, lookup } = await catalogOfVersion1();
  clock.nowMs = 999;
  expect(await lookup()).toEqual(['1']);
  expect(repository.asked).toBe(1);
  clock.nowMs = 1_000;
  expect(await lookup()).toEqual(['1']);
  expect(repository.asked).toBe(2);
  repository.answer(1, '1', '2');
  await settled();
  expect(await lookup()).toEqual(['1', '2']);
});

it('an environment that was idle waits for what is new', async () => {
  const { repository, clock, lookup } = await catalogOfVersion1();
  clock.nowMs = 3_600_000;
  const call = lookup();
  repository.answer(1, '2');
  expect(await call).toEqual(['2']);
});

it('what was known serves on when the repository fails, and is asked for again only after a while', async () => {
  const { repository, clock, stale, lookup } = await catalogOfVersion1();
  clock.nowMs = 2_000;
  const call = lookup();
  repository.fail(1, unavailable);
  expect(await call).toEqual(['1']);
  expect(stale).toEqual([unavailable]);
  expect(await lookup()).toEqual(['1']);
  expect(repository.asked).toBe(2);
});

it('what was known serves on when the repository is silent, and only the first call waits for it', async () => {
  const { repository, clock, stale, lookup, runOutOfPatience } = await catalogOfVersion1();
  clock.nowMs = 2_000;
  const call = lookup();
  runOutOfPatience();
  expect(await call).toEqual(['1']);
  expect(stale).toHaveLength(1);
  expect(await lookup()).toEqual(['1']);
  repository.answer(1, '2');
  await settled();
  expect(await lookup()).toEqual(['2']);
});

it('a reading that froze with its environment is not waited for', async () => {
  const { repository, clock, lookup } = await catalogOfVersion1();
  clock.nowMs = 1_000;
  expect(await lookup()).toEqual(['1']);
  clock.nowMs = 600_000;
  const thawed = lookup();
  expect(repository.asked).toBe(3);
  repository.answer(2, '3');
  expect(await thawed).toEqual(['3']);
  repository.answer(1, '2');
  await settled();
  expect(await lookup()).toEqual(['3']);
});

it('a refresh reads anew though a reading is under way, which then changes nothing', async () => {
  const { repository, lookup, refresh } = newCatalog();
  const before = lookup();
  const after = refresh();
  expect(repository.asked).toBe(2);
  repository.answer(1, '2');
  expect(await after).toEqual(['2']);
  repository.answer(0, '1');
  expect(await before).toEqual(['1']);
  expect(await lookup()).toEqual(['2']);
});

it('a model that was taken away is gone at the next reading, and a failure of an older one does not take it away', async () => {
  const { repository, refresh, lookup } = await catalogOfVersion1();
  const gone = new ServingError('NOT_FOUND', 'model iris is not found');
  const [older, newer] = [refresh(), refresh()];
  repository.answer(2, '2');
  repository.fail(1, gone);
  await expect(older).rejects.toBe(gone);
  expect(await newer).toEqual(['2']);
  expect(await lookup()).toEqual(['2']);
  const last = refresh();
  repository.fail(3, gone);
  await expect(last).rejects.toBe(gone);
  const next = lookup();
  repository.fail(4, gone);
  await expect(next).rejects.toBe(gone);
});

it('what cannot be a name is refused before anybody is asked', async () => {
  const { repository, catalog } = newCatalog();
  for (const name of ['', '..', 'a/b', 'a%2Fb', '.hidden', 'x'.repeat(129), 'gro\u0308\u00dfe']) {
    await expect(catalog.lookup(name)).rejects.toThrow(/^model: expected a name, got "/);
  }
  expect(repository.asked).toBe(0);
});
