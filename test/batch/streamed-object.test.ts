import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ObjectStore, Piece } from '../../src/batch/object-store.ts';
import { StreamedObject } from '../../src/batch/streamed-object.ts';
import { MemoryObjectStore } from '../support/memory-object-store.ts';

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

/** A store that takes pieces only when it is let, and may fail on the way. */
class SlowStore implements Pick<ObjectStore, 'assemble'> {
  readonly taken: string[] = [];
  #open: () => void = () => undefined;
  #failing = false;

  async assemble(_key: string, pieces: Iterable<Piece> | AsyncIterable<Piece>) {
    for await (const piece of pieces) {
      await new Promise<void>((resolve) => {
        this.#open = resolve;
      });
      if (this.#failing) throw new Error('the store fails');
      if (piece instanceof Uint8Array) this.taken.push(text(piece));
    }
    return 'written' as const;
  }

  async takeOne(): Promise<void> {
    this.#open();
    for (let turns = 0; turns < 5; turns++) await turn();
  }

  fail(): void {
    this.#failing = true;
    this.#open();
  }
}

describe('an object that is uploaded while it is made', () => {
  it('is what was written, and is not there before its end', async () => {
    const store = new MemoryObjectStore();
    const object = new StreamedObject(store, 'part', { metadata: { attempt: 'a' } });
    await object.write(Buffer.from('one '));
    await object.write(Buffer.from('two '));
    expect(await store.head('part')).toBeUndefined();
    await object.write(Buffer.from('three'));
    expect(await object.end()).toBe('written');
    expect(text((await store.get('part'))?.body)).toBe('one two three');
    expect((await store.head('part'))?.metadata).toEqual({ attempt: 'a' });
    expect(object.bytes).toBe(13);
  });

  it('is left as it was when another one came first', async () => {
    const store = new MemoryObjectStore();
    const object = new StreamedObject(store, 'part', { ifAbsent: true });
    await object.write(Buffer.from('second'));
    await store.put('part', 'first');
    expect(await object.end()).toBe('exists');
    expect(text((await store.get('part'))?.body)).toBe('first');
  });

  it('lets whoever writes wait while two pieces are on their way', async () => {
    const store = new SlowStore();
    const object = new StreamedObject(store, 'part');
    let written = 0;
    const writing = (async () => {
      for (const piece of ['1', '2', '3', '4']) {
        await object.write(Buffer.from(piece));
        written += 1;
      }
    })();
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(written).toBe(2);
    await store.takeOne();
    expect(written).toBe(3);
    await store.takeOne();
    await writing;
    const ended = object.end();
    await store.takeOne();
    await store.takeOne();
    expect(await ended).toBe('written');
    expect(store.taken).toEqual(['1', '2', '3', '4']);
  });

  it('tells whoever waits or comes later what its upload failed with', async () => {
    const store = new SlowStore();
    const object = new StreamedObject(store, 'part');
    await object.write(Buffer.from('1'));
    await object.write(Buffer.from('2'));
    const waiting = expect(object.write(Buffer.from('3'))).rejects.toThrow('the store fails');
    await turn();
    store.fail();
    await waiting;
    await expect(object.write(Buffer.from('4'))).rejects.toThrow('the store fails');
    await expect(object.end()).rejects.toThrow('the store fails');
  });

  it('leaves nothing behind when it is abandoned', async () => {
    const store = new MemoryObjectStore();
    const object = new StreamedObject(store, 'part');
    await object.write(Buffer.from('half of it'));
    await object.abandon();
    expect(await store.head('part')).toBeUndefined();
  });
});
