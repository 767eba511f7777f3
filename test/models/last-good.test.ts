import { expect, it } from 'vitest';
import { LastGood } from '../../src/models/last-good.ts';

it('the session that served a reference last is remembered until it leaves', () => {
  const served = new LastGood();
  served.remember('iris', { key: 'a', version: '1', order: 1 });
  expect(served.keyOf('iris')).toBe('a');
  served.forget('a');
  expect(served.keyOf('iris')).toBeUndefined();
});

it('a version that was overwritten is outdated, another version is not', () => {
  const served = new LastGood();
  expect(served.remember('iris', { key: 'a', version: '1', order: 1 })).toBeUndefined();
  expect(served.remember('iris', { key: 'b', version: '1', order: 2 })).toBe('a');
  expect(served.remember('iris', { key: 'c', version: '2', order: 3 })).toBeUndefined();
  expect(served.keyOf('iris')).toBe('c');
});

it('a load that was begun before a publish and ended after it does not undo it', () => {
  const served = new LastGood();
  served.remember('iris', { key: 'new', version: '1', order: 2 });
  expect(served.remember('iris', { key: 'old', version: '1', order: 1 })).toBe('old');
  expect(served.keyOf('iris')).toBe('new');
  expect(served.remember('iris', { key: 'older', version: '0', order: 0 })).toBeUndefined();
  expect(served.keyOf('iris')).toBe('new');
});
