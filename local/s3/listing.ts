import { compareKeys, type SortedKeys } from './key-order.ts';

export interface ListingQuery {
  readonly prefix: string;
  /** Keys that have it after the prefix are rolled up into one common prefix; `''` for none. */
  readonly delimiter: string;
  /** Only keys (and common prefixes) after this one; `''` for all. */
  readonly after: string;
  /** Most entries, keys and common prefixes together. */
  readonly limit: number;
}

/** A key, or a common prefix that stands for all keys below it. */
export interface ListingEntry {
  readonly kind: 'key' | 'prefix';
  readonly name: string;
}

export interface ListingPage {
  readonly entries: readonly ListingEntry[];
  /** Whether there is more after the last entry. */
  readonly truncated: boolean;
}

/**
 * One page of the keys in UTF-8 order. Work grows with the entries of the page, not with the keys that a
 * common prefix stands for, nor with those of the bucket.
 * @param visible whether a key counts: not when its current version is a delete marker
 */
export function listPage(
  keys: SortedKeys,
  query: ListingQuery,
  visible: (key: string) => boolean,
): ListingPage {
  const { prefix, delimiter, limit } = query;
  const entries: ListingEntry[] = [];
  let index = Math.max(
    keys.firstIndex((key) => compareKeys(key, prefix) >= 0),
    firstIndexAfter(keys, query),
  );
  // S3 answers a limit of 0 with an empty page that claims to be whole.
  if (limit === 0) return { entries, truncated: false };
  for (let key = keys.all[index]; key?.startsWith(prefix); key = keys.all[index]) {
    index += 1;
    if (!visible(key)) continue;
    const common = commonPrefix(key, prefix, delimiter);
    if (common !== undefined) index = endOfPrefix(keys, common);
    if (entries.length === limit) return { entries, truncated: true };
    entries.push({
      kind: common === undefined ? 'key' : 'prefix',
      name: common ?? key,
    });
  }
  return { entries, truncated: false };
}

/** The first key after `after`; when that is a common prefix, the first one past all the keys below it. */
function firstIndexAfter(keys: SortedKeys, { prefix, delimiter, after }: ListingQuery): number {
  if (after === '') return 0;
  if (commonPrefix(after, prefix, delimiter) === after) return endOfPrefix(keys, after);
  return keys.firstIndex((key) => compareKeys(key, after) > 0);
}

function commonPrefix(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '' || !key.startsWith(prefix)) return undefined;
  const found = key.indexOf(delimiter, prefix.length);
  return found < 0 ? undefined : key.slice(0, found + delimiter.length);
}

/** The first key past all those that begin with the prefix. */
function endOfPrefix(keys: SortedKeys, prefix: string): number {
  return keys.firstIndex((key) => compareKeys(key, prefix) > 0 && !key.startsWith(prefix));
}
