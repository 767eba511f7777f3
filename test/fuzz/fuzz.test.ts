import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTarget } from '../../local/gateway/event.ts';
import type { HttpRequest } from '../../src/edge/api/http.ts';
import { type Serving, startServing } from '../support/serving.ts';
import { fuzzModels } from './models.ts';
import { type FuzzRequest, fuzzRequest } from './requests.ts';
import { complaintsOf } from './verdict.ts';

const seed = 20_261_124;
const requests = 300;

let serving: Serving;

beforeAll(async () => {
  serving = await startServing();
  await Promise.all([...fuzzModels()].map(([key, body]) => serving.put(key, body)));
});
afterAll(() => serving.close());

/** The request as API Gateway hands it to the function; undefined for one that it refuses itself. */
function toHttpRequest({ method, target, headers, body }: FuzzRequest): HttpRequest | undefined {
  const parsed = parseTarget(target);
  if (parsed === undefined) return undefined;
  const isText = /^(application\/json|text\/)/.test(headers['content-type'] ?? '');
  return {
    method,
    path: parsed.rawPath,
    query: new URLSearchParams(parsed.rawQueryString),
    headers,
    body: isText && headers['content-encoding'] === undefined ? Buffer.from(body).toString() : body,
    requestId: 'fuzz',
    allowedModels: undefined,
  };
}

/** Kept in the jobs bucket and answered by other functions: only a cloud has those. */
function needsCloud({ target, headers }: FuzzRequest): boolean {
  return target.startsWith('/v2/jobs') || headers['prefer'] !== undefined;
}

/** The whole of this, over HTTP, is `npm run test:fuzz`. */
describe('a mutated request', () => {
  it('is answered, or refused in the error form, and hurts none of those after it', async () => {
    const statuses = new Set<number>();
    for (let index = 0; index < requests; index++) {
      const request = fuzzRequest(seed, index);
      const httpRequest = needsCloud(request) ? undefined : toHttpRequest(request);
      if (httpRequest === undefined) continue;
      const { statusCode: status, headers, body } = await serving.api(httpRequest);
      statuses.add(status);
      // As the gateway does with what the function answers to HEAD.
      const sent = request.method === 'HEAD' ? '' : body;
      const answer = { status, headers, body: Buffer.from(sent) };
      expect(complaintsOf(request, answer, []), `request ${index} of seed ${seed}`).toEqual([]);
    }
    // What the mutations must reach, or they would only ever test the first check.
    expect([...statuses]).toEqual(expect.arrayContaining([200, 400, 404, 405, 415, 503]));
  });
});
