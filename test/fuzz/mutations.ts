import { mutateJson } from '../protocol/mutator.ts';
import type { SeededRandom } from '../support/random.ts';
import { hostileHeaders, hostileQueries, hostileSegments, hostileTexts } from './hostile-texts.ts';

/** A request in the making. */
export interface Draft {
  method: string;
  path: string;
  query: string;
  readonly headers: Map<string, string>;
  json: string;
  bytes: Uint8Array;
  /** What is done to the body's bytes when it is put together. */
  readonly changesBytes: ((body: Uint8Array) => Uint8Array)[];
  coding: Coding | undefined;
}

/** What the header says of the body, and what is true. */
export interface Coding {
  readonly name: string;
  readonly layers: readonly ('gzip' | 'deflate' | 'raw')[];
  /** Cut off somewhere. */
  readonly isDamaged: boolean;
}

type Mutation = (draft: Draft, random: SeededRandom) => void;

/** Changes one thing. */
export function mutate(draft: Draft, random: SeededRandom): void {
  const total = weighted.reduce((sum, [weight]) => sum + weight, 0);
  let place = random.unit() * total;
  for (const [weight, mutation] of weighted) {
    place -= weight;
    if (place < 0) {
      mutation(draft, random);
      return;
    }
  }
}

const weighted: readonly (readonly [number, Mutation])[] = [
  [40, changeJson],
  [15, changeBytes],
  [15, changeHeader],
  [10, changePath],
  [5, changeQuery],
  [4, changeMethod],
  [8, changeCoding],
  [2, grow],
  [1, replaceBody],
];

function changeJson(draft: Draft, random: SeededRandom): void {
  draft.json = mutateJson(() => random.unit(), draft.json);
}

function randomBytes(random: SeededRandom, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random.integer(0, 255));
}

function changeBytes(draft: Draft, random: SeededRandom): void {
  draft.changesBytes.push((body) => {
    const start = random.integer(0, body.length);
    const end = random.integer(start, Math.min(body.length, start + 64));
    const [before, middle, after] = [body.slice(0, start), body.slice(start, end), body.slice(end)];
    switch (random.integer(0, 5)) {
      case 0:
        return before;
      case 1:
        return Buffer.concat([before, after]);
      case 2:
        return Buffer.concat([before, middle, middle, after]);
      case 3:
        return Buffer.concat([before, randomBytes(random, random.integer(1, 8)), after]);
      case 4:
        return Buffer.concat([before, Buffer.alloc(middle.length, random.pick([0, 255])), after]);
      default:
        return Buffer.concat([before, randomBytes(random, middle.length), after]);
    }
  });
}

function replaceBody(draft: Draft, random: SeededRandom): void {
  draft.json = '';
  draft.bytes = randomBytes(random, random.integer(0, 300));
}

function changeHeader(draft: Draft, random: SeededRandom): void {
  const name = random.pick(Object.keys(hostileHeaders));
  if (random.chance(0.2)) {
    draft.headers.delete(name);
    return;
  }
  const values = random.chance(0.6) ? hostileHeaders[name] : hostileTexts;
  draft.headers.set(name, latin1(random.pick(values ?? hostileTexts)));
}

/** Header values are Latin-1 on the wire. */
function latin1(text: string): string {
  return Buffer.from(text).toString('latin1').replaceAll('\t', ' ').trim();
}

function changePath(draft: Draft, random: SeededRandom): void {
  const parts = draft.path.split('/');
  const place = random.integer(1, parts.length);
  const segment = random.pick(hostileSegments);
  switch (random.integer(0, 4)) {
    case 0:
      parts.splice(place, 1);
      break;
    case 1:
      parts.splice(place, 0, segment);
      break;
    case 2:
      parts[place] = (parts[place] ?? '').toUpperCase();
      break;
    default:
      parts[place] = segment;
  }
  draft.path = parts.join('/') || '/';
}

function changeQuery(draft: Draft, random: SeededRandom): void {
  draft.query = random.pick(hostileQueries);
}

function changeMethod(draft: Draft, random: SeededRandom): void {
  const methods = [
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'DELETE',
    'PATCH',
    'OPTIONS',
    'TRACE',
    'QUERY',
    'X',
  ];
  draft.method = random.pick(methods);
}

function changeCoding(draft: Draft, random: SeededRandom): void {
  draft.coding = {
    name: random.pick(['gzip', 'deflate', 'gzip, deflate', 'deflate, gzip', 'x-gzip', 'br']),
    layers: random.pick([
      ['gzip'],
      ['deflate'],
      ['raw'],
      ['gzip', 'deflate'],
      ['gzip', 'gzip'],
      [],
    ]),
    isDamaged: random.chance(0.1),
  };
}

/** Makes the document large in one direction. */
function grow(draft: Draft, random: SeededRandom): void {
  const size = random.integer(1, 60_000);
  const number = () => random.pick(['1,', '-0.5,', '1e400,', '"9223372036854775807",', '[1],']);
  const growths: readonly (() => string)[] = [
    () => `${'['.repeat(size)}${']'.repeat(size)}`,
    () => `${'{"inputs":'.repeat(size)}`,
    () =>
      `{"inputs":[{"name":"x","shape":[${size},2],"datatype":"FP32","data":[${number().repeat(size * 2)}1]}]}`,
    () =>
      `{"inputs":[{"name":"x","shape":[${size}],"datatype":"INT64","data":[${'7,'.repeat(size - 1)}7]}]}`,
    () =>
      `{"inputs":[${'{"name":"x","shape":[1],"datatype":"BOOL","data":[1]},'.repeat(size / 20)}{}]}`,
    () => `{"inputs":[{"name":"x","shape":[${'1,'.repeat(size)}1],"datatype":"FP32","data":[1]}]}`,
    () => `{"instances":[${'{"a":[1,2],"b":1},'.repeat(size / 10)}{"a":[1,2],"b":1}]}`,
    () => `{"inputs":{${Array.from({ length: size / 10 }, (_, key) => `"${key}":1`).join(',')}}}`,
    () => `{"id":"${'\\ud800'.repeat(size)}","inputs":[]}`,
    () => `{"parameters":{${'"a":1,'.repeat(size)}"a":1},"inputs":[]}`,
    () => `${'1,2\n'.repeat(size)}`,
    () => `"${'a",\n"'.repeat(size)}`,
    () => `${','.repeat(size)}\n`.repeat(3),
    () => `${' '.repeat(size)}`,
    () => `{"inputs":["${'word '.repeat(size)}"]}`,
    () => 'ab'.repeat(size),
    () => '-'.repeat(size),
    () => '1'.repeat(size),
  ];
  draft.json = random.pick(growths)();
}
