import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { SeededRandom } from '../support/random.ts';
import { type Draft, mutate } from './mutations.ts';
import type { Template } from './template-parts.ts';
import { templates } from './templates.ts';

/** A request to send. */
export interface FuzzRequest {
  readonly method: string;
  /** Path and query as they go over the wire. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** What the body comes to without its content coding: what parsing it may take time for. */
  readonly decodedBytes: number;
  /** What the right answer is; undefined for a request that was changed. */
  readonly expected: { readonly status: number; readonly answer: Uint8Array } | undefined;
}

/** Share of requests that are sent as they should be: that the environments still answer them rightly is checked too. */
const validShare = 0.15;
const mostChanges = 4;

/** The request with this number: the same seed gives the same one, whatever was sent before. */
export function fuzzRequest(seed: number, index: number): FuzzRequest {
  const random = new SeededRandom(Math.imul(seed, 0x9e3779b1) + index);
  const template = random.pick(templates)(random);
  const draft = draftOf(template);
  if (random.chance(validShare)) {
    const answer = Buffer.from(template.answer ?? '');
    return { ...finish(draft, random), expected: { status: template.status ?? 200, answer } };
  }
  const changes = random.integer(1, mostChanges);
  for (let change = 0; change < changes; change++) mutate(draft, random);
  return { ...finish(draft, random), expected: undefined };
}

/** Texts that take the most time or memory to parse. */
const bombTexts = [' ', '{},', '[', '[],', '1,', '"",', '\n', ',', 'a,\n', '"a",\n', '{"a":'];

/** A small body that unpacks to megabytes, up to more than anyone may send. */
export function fuzzBomb(seed: number, index: number): FuzzRequest {
  const random = new SeededRandom(Math.imul(seed, 0x85ebca6b) + index);
  let draft = draftOf(random.pick(templates)(random));
  while (draft.method !== 'POST') draft = draftOf(random.pick(templates)(random));
  const text = random.pick(bombTexts);
  draft.json = text.repeat((random.unit() * 12 * 1024 * 1024) / text.length);
  if (random.chance(0.3)) draft.json = `[${draft.json}1]`;
  draft.coding = { name: 'gzip', layers: ['gzip'], isDamaged: false };
  return { ...finish(draft, random), expected: undefined };
}

function draftOf({ method, path, query = '', headers = {}, json, bytes }: Template): Draft {
  return {
    method,
    path,
    query,
    headers: new Map(Object.entries(headers)),
    json: json ?? '',
    bytes: bytes ?? new Uint8Array(0),
    changesBytes: [],
    coding: undefined,
  };
}

/** Puts the parts together: the body's bytes are changed once there are some, and coded last. */
function finish(draft: Draft, random: SeededRandom): Omit<FuzzRequest, 'expected'> {
  let body: Uint8Array = Buffer.concat([Buffer.from(draft.json), draft.bytes]);
  for (const change of draft.changesBytes) body = change(body);
  const { headers, coding } = draft;
  const decodedBytes = body.length;
  if (coding !== undefined) {
    headers.set('content-encoding', coding.name);
    for (const layer of coding.layers) body = layers[layer](body);
    if (coding.isDamaged) body = body.slice(0, random.integer(0, body.length));
  }
  const { method, path, query } = draft;
  return {
    method,
    target: query === '' ? path : `${path}?${query}`,
    headers: Object.fromEntries(headers),
    body,
    decodedBytes,
  };
}

const layers = {
  gzip: (body: Uint8Array) => gzipSync(body, { level: 1 }),
  deflate: (body: Uint8Array) => deflateSync(body, { level: 1 }),
  raw: (body: Uint8Array) => deflateRawSync(body, { level: 1 }),
} as const;
