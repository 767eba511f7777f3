/**
 * A seeded mutator of requests: valid documents with one to four things changed, and then perhaps a few bytes.
 * The same seed gives the same requests, so that a failure can be had again.
 */
export interface HostileRequest {
  readonly body: Uint8Array;
  readonly inferenceHeaderContentLength: string | undefined;
}

export type Random = () => number;

/** Numbers in [0, 1): mulberry32. */
export function seededRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: Random, choices: readonly T[]): T {
  const place = Math.floor(random() * choices.length);
  for (const [index, choice] of choices.entries()) if (index === place) return choice;
  throw new Error('nothing to pick from');
}

/** Texts that may stand for any value in the JSON: wrong types, edges of ranges, traps of JavaScript. */
const hostileValues: readonly string[] = [
  'null',
  'true',
  'false',
  '0',
  '-0',
  '-1',
  '0.5',
  '1e400',
  '-1e400',
  '1e-400',
  '255',
  '256',
  '65536',
  '2147483647',
  '2147483648',
  '4294967295',
  '4294967296',
  '9007199254740991',
  '9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775809',
  '18446744073709551616',
  '1'.repeat(400),
  '""',
  '"x"',
  '"\\u0000"',
  '"\\ud800"',
  '"__proto__"',
  '"constructor"',
  '"5"',
  '"NaN"',
  '"0x10"',
  '[]',
  '{}',
  '[[]]',
  '[null]',
  '[[[[1]]]]',
  '{"__proto__":{"length":9}}',
  '{"toString":1,"valueOf":1}',
  '{"constructor":{"prototype":{}}}',
  '{"length":4}',
  '[1,[2]]',
  '"FP32"',
  '"BYTES"',
  '"FP16"',
  '"INT64"',
  '"BOOL"',
  '[0]',
  '[0,9007199254740991]',
  '[4294967296,4294967296]',
  '[1,1,1,1]',
  '[-1]',
  '[2147483647]',
  `${'['.repeat(2_000)}${']'.repeat(2_000)}`,
  `${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}`,
  `[${'1,'.repeat(3_000)}1]`,
  `"${'\u{1f600}'.repeat(200)}"`,
];

const seeds: readonly { readonly json: string; readonly binaryBytes: number }[] = [
  {
    json: '{"id":"1","inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2.5,-0,1e30]}]}',
    binaryBytes: 0,
  },
  {
    json: '{"inputs":[{"name":"x","shape":[2,2],"datatype":"INT64","data":[[1,"-9223372036854775808"],[9223372036854775807,4]]}],"outputs":[{"name":"y","parameters":{"classification":2,"binary_data":true}}]}',
    binaryBytes: 0,
  },
  {
    json: '{"parameters":{"binary_data_output":true,"timeout":5000,"priority":1,"sequence_id":0},"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","parameters":{"binary_data_size":16}},{"name":"s","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":9}}]}',
    binaryBytes: 25,
  },
  {
    json: '{"inputs":[{"name":"x","shape":[3],"datatype":"BOOL","data":[true,false,1]},{"name":"s","shape":[1],"datatype":"BYTES","data":["text"]}]}',
    binaryBytes: 0,
  },
  { json: '{"instances":[{"x":[1,2],"s":"a"},{"x":[3,4],"s":"b"}]}', binaryBytes: 0 },
  { json: '{"inputs":{"x":[[1,2],[3,4]],"s":["a","b"]}}', binaryBytes: 0 },
  { json: '[[1,2],[3,4]]', binaryBytes: 0 },
];

/** Whole JSON values within a text: strings, numbers, words, and empty brackets. */
const scalars =
  /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|\[[^[\]{}]*\]|\{[^[\]{}]*\}/g;

/** A text with one of its values changed, doubled or taken away. */
export function mutateJson(random: Random, json: string): string {
  const places = Array.from(json.matchAll(scalars));
  if (places.length === 0) return json;
  const place = pick(random, places);
  const end = place.index + place[0].length;
  const roll = random();
  const replacement =
    roll < 0.75
      ? pick(random, hostileValues)
      : roll < 0.85
        ? `${place[0]},${place[0]}`
        : roll < 0.95
          ? ''
          : pick(random, ['"__proto__"', '"inputs"', '"data"', '"shape"', '"parameters"']);
  return json.slice(0, place.index) + replacement + json.slice(end);
}

function binaryTail(random: Random, size: number): Uint8Array {
  const tail = new Uint8Array(size);
  // Two strings of one and no bytes behind four floats, as the seed says; else noise.
  if (size === 25 && random() < 0.5) tail.set([1, 0, 0, 0, 0x61], 16);
  else for (let index = 0; index < size; index++) tail[index] = Math.floor(random() * 256);
  return tail;
}

export function hostileRequest(random: Random): HostileRequest {
  const seed = pick(random, seeds);
  let json = seed.json;
  const changes = Math.floor(random() * 4);
  for (let change = 0; change < changes; change++) json = mutateJson(random, json);
  const text = new TextEncoder().encode(json);
  const tail = binaryTail(random, seed.binaryBytes);
  const whole = new Uint8Array(text.length + tail.length);
  whole.set(text);
  whole.set(tail, text.length);
  let body = whole;
  if (random() < 0.2) {
    for (let flip = 0; flip < 3; flip++) body[Math.floor(random() * body.length)] = random() * 256;
  }
  if (random() < 0.1) body = body.slice(0, Math.floor(random() * body.length));
  return {
    body,
    inferenceHeaderContentLength: headerOf(random, seed.binaryBytes > 0, text.length),
  };
}

function headerOf(random: Random, binary: boolean, length: number): string | undefined {
  if (random() < 0.85) return binary ? `${length}` : undefined;
  return pick(random, [
    undefined,
    '0',
    '-1',
    '1e3',
    '',
    ' 5',
    'abc',
    '99999999999999999999',
    `${length - 1}`,
    `${length + 1}`,
  ]);
}
