import { describe } from 'vitest';
import { MemoryObjectStore } from '../support/memory-object-store.ts';
import { describeObjectStore } from './object-store-suite.ts';

describe('a bucket in memory', () => {
  describeObjectStore(() => new MemoryObjectStore());
});
