import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  codeOf,
  type RawReply,
  rawRequest,
  startTestS3,
  type TestS3,
} from '../../support/s3-server.ts';

let s3: TestS3;

beforeAll(async () => {
  s3 = await startTestS3({ buckets: [{ name: 'wire' }] });
});
afterAll(() => s3.close());

function put(key: string, headers: Record<string, string>, body: string): Promise<RawReply> {
  return rawRequest(s3.server.url, 'PUT', `/wire/${key}`, headers, body);
}

describe('a document', () => {
  const post = (body: string) => {
    const md5 = createHash('md5').update(body).digest('base64');
    return rawRequest(s3.server.url, 'POST', '/wire?delete', { 'content-md5': md5 }, body);
  };

  test.each([
    ['nothing', '', 'MissingRequestBodyError'],
    ['what is not XML', 'not xml', 'MalformedXML'],
    ['an element that does not end', '<Delete><Object>', 'MalformedXML'],
    ['another root', '<Other/>', 'MalformedXML'],
    ['no object', '<Delete></Delete>', 'MalformedXML'],
    ['an object without a key', '<Delete><Object><Id>x</Id></Object></Delete>', 'MalformedXML'],
    [
      'entities of its own',
      '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Delete><Object><Key>&b;&b;&b;&b;</Key></Object></Delete>',
      'MalformedXML',
    ],
  ])('with %s is refused', async (_, body, code) => {
    expect(codeOf(await post(body))).toBe(code);
  });

  test('needs a digest where keys are to be deleted', async () => {
    const refused = await rawRequest(s3.server.url, 'POST', '/wire?delete', {}, '<Delete/>');
    expect(codeOf(refused)).toBe('InvalidRequest');
  });

  test('may name keys by character references', async () => {
    await put('tab%09%0Dend', { 'content-length': '1' }, 'x');
    const reply = await post('<Delete><Object><Key>tab&#9;&#xD;end</Key></Object></Delete>');
    expect(reply.body).toContain('<Deleted><Key>tab&#x9;&#xD;end</Key></Deleted>');
    expect(codeOf(await rawRequest(s3.server.url, 'GET', '/wire/tab%09%0Dend'))).toBe('NoSuchKey');
  });
});
