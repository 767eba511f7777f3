import { describe, expect, it } from 'vitest';
import { LeaseCache, type Loaded } from '../../src/models/lease-cache.ts';

function newCache(budgetBytes: number, failureTtlMs = 0) {
  const disposed: string[] = [];
  const departures: string[] = [];
  const clock = { nowMs: 0 };
  const cache = new LeaseCache<string>({
    budgetBytes,
    dispose: (key, _value, departure) => {
      disposed.push(key);
      departures.push(`${key} ${departure}`);
    },
    nowMs: () => clock.nowMs,
    failureTtlMs,
    remembers: () => true,
  });
  return { cache, disposed, departures, clock };
}

function loaded(value: string, sizeBytes: number, costMs = 1): () => Promise<Loaded<string>> {
  return async () => ({ value, sizeBytes, costMs });
}

/** Resolves when the test says so. */
function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe('the lease cache', () => {
  it('loads a value once for all that wait for it', async () => {
    const { cache } = newCache(100);
    const gate = deferred<Loaded<string>>();
    let loads = 0;
    const load = () => {
      loads += 1;
      return gate.promise;
    };
    const waiting = [1, 2, 3].map(() => cache.acquire('a', load));
    gate.resolve({ value: 'A', sizeBytes: 10, costMs: 1 });
    const leases = await Promise.all(waiting);
    expect(loads).toBe(1);
    expect(leases.map(({ value }) => value)).toEqual(['A', 'A', 'A']);
    expect(leases.map(({ hit }) => hit)).toEqual([false, true, true]);
  });

  it('never evicts what is leased, and evicts it when the lease ends over budget', async () => {
    const { cache, disposed } = newCache(15);
    const first = await cache.acquire('a', loaded('A', 10));
    const second = await cache.acquire('b', loaded('B', 10));
    expect(cache.totalBytes).toBe(20);
    expect(disposed).toEqual([]);
    first.release();
    expect(disposed).toEqual(['a']);
    second.release();
    expect(cache.keys()).toEqual(['b']);
  });

  it('evicts what is large, cheap to load and seldom used before what is small, dear and often used', async () => {
    const { cache, disposed } = newCache(100);
    for (let use = 0; use < 3; use++) (await cache.acquire('dear', loaded('', 40, 400))).release();
    (await cache.acquire('cheap', loaded('', 40, 4))).release();
    (await cache.acquire('new', loaded('', 40, 40))).release();
    expect(disposed).toEqual(['cheap']);
  });

  it('evicts the least worthy of a kind on demand, and says when nobody holds none of it', async () => {
    const { cache, disposed } = newCache(100);
    for (const [key, costMs] of [
      ['cheap', 1],
      ['middling', 2],
      ['dear', 3],
    ] as const) {
      (await cache.acquire(key, loaded(key, 10, costMs))).release();
    }
    const held = await cache.acquire('dear', loaded('', 10));
    const others = (value: string) => value !== 'cheap';
    expect(cache.evictOne(others)).toBe(true);
    expect(disposed).toEqual(['middling']);
    expect(cache.evictOne(others)).toBe(false);
    held.release();
    expect(cache.evictOne(others)).toBe(true);
    expect(cache.keys()).toEqual(['cheap']);
  });

  it('tells a load whether there is room for it', async () => {
    const { cache } = newCache(20);
    const held = await cache.acquire('a', loaded('A', 10));
    const rooms: boolean[] = [];
    const load = cache.acquire('b', async (makeRoom) => {
      rooms.push(makeRoom(10), makeRoom(5));
      held.release();
      rooms.push(makeRoom(0));
      return { value: 'B', sizeBytes: 15, costMs: 1 };
    });
    (await load).release();
    expect(rooms).toEqual([true, false, true]);
    expect(cache.keys()).toEqual(['b']);
  });

  it('lets old fame fade: what was used much long ago leaves in the end', async () => {
    const { cache } = newCache(20);
    for (let use = 0; use < 5; use++) (await cache.acquire('old', loaded('', 10))).release();
    for (let round = 0; round < 20; round++) {
      (await cache.acquire(`k${round}`, loaded('', 10))).release();
    }
    expect(cache.has('old')).toBe(false);
  });

  it('disposes a dropped value only when its last lease ends', async () => {
    const { cache, disposed } = newCache(100);
    const lease = await cache.acquire('a', loaded('A', 10));
    cache.drop('a');
    expect(cache.has('a')).toBe(false);
    expect(disposed).toEqual([]);
    lease.release();
    expect(disposed).toEqual(['a']);
  });

  it('gives whoever comes right after a drop a value of its own, also in the moment in which a load ends', async () => {
    const { cache, disposed } = newCache(100);
    const gate = deferred<Loaded<string>>();
    const loading = cache.acquire('a', () => gate.promise);
    const second = gate.promise.then(() => {
      cache.drop('a');
      return cache.acquire('a', loaded('new', 10));
    });
    gate.resolve({ value: 'old', sizeBytes: 10, costMs: 1 });
    const [before, after] = [await loading, await second];
    expect([before.value, after.value]).toEqual(['old', 'new']);
    before.release();
    after.release();
    expect(disposed).toEqual(['a']);
    expect(cache.keys()).toEqual(['a']);
  });

  it('counts a release once however often it is called', async () => {
    const { cache, disposed } = newCache(10);
    const first = await cache.acquire('a', loaded('A', 10));
    const second = await cache.acquire('a', loaded('A', 10));
    first.release();
    first.release();
    cache.shrinkTo(0);
    expect(disposed).toEqual([]);
    second.release();
    cache.shrinkTo(0);
    expect(disposed).toEqual(['a']);
  });

  it('answers a failed load from memory for a while, and then tries again', async () => {
    const { cache, clock } = newCache(10, 1_000);
    let loads = 0;
    const broken = async (): Promise<Loaded<string>> => {
      loads += 1;
      throw new Error('broken');
    };
    await expect(cache.acquire('a', broken)).rejects.toThrow('broken');
    await expect(cache.acquire('a', broken)).rejects.toThrow('broken');
    expect(loads).toBe(1);
    clock.nowMs = 1_000;
    await expect(cache.acquire('a', broken)).rejects.toThrow('broken');
    expect(loads).toBe(2);
    cache.drop('a');
    expect((await cache.acquire('a', loaded('A', 1))).value).toBe('A');
  });

  it('makes room when a load asks for it, so that old and new are never in memory together', async () => {
    const { cache, disposed } = newCache(20);
    (await cache.acquire('a', loaded('A', 15))).release();
    const seen: string[][] = [];
    const lease = await cache.acquire('b', async (makeRoom) => {
      seen.push([...disposed]);
      makeRoom(15);
      seen.push([...disposed]);
      return { value: 'B', sizeBytes: 15, costMs: 1 };
    });
    expect(seen).toEqual([[], ['a']]);
    lease.release();
    expect(cache.keys()).toEqual(['b']);
  });

  it('evicts nothing for a load that fails before it asks for room, and holds no room for one that failed', async () => {
    const { cache, disposed } = newCache(20);
    (await cache.acquire('a', loaded('A', 15))).release();
    const early = cache.acquire('b', async () => Promise.reject(new Error('no such file')));
    await expect(early).rejects.toThrow('no such file');
    expect(disposed).toEqual([]);
    const late = cache.acquire('c', async (makeRoom) => {
      makeRoom(20);
      throw new Error('not a model');
    });
    await expect(late).rejects.toThrow('not a model');
    (await cache.acquire('d', loaded('D', 20))).release();
    expect(cache.keys()).toEqual(['d']);
  });

  it('tells what left to make room from what was dropped', async () => {
    const { cache, departures } = newCache(10);
    (await cache.acquire('a', loaded('A', 10))).release();
    (await cache.acquire('b', loaded('B', 10))).release();
    const lease = await cache.acquire('b', loaded('B', 10));
    cache.drop('b');
    lease.release();
    expect(departures).toEqual(['a evicted', 'b dropped']);
  });
});
