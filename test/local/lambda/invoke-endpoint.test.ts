import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InvokeEndpoint, openInvokeEndpoint } from '../../../local/lambda/invoke-endpoint.ts';
import { type Lambda, startLambda } from '../../../local/lambda/service.ts';

let dataDir: string;
let lambda: Lambda;
let endpoint: InvokeEndpoint;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'pilotlight-invoke-test-'));
  const common = {
    handler: 'handler.handler',
    taskRoot: join(import.meta.dirname, 'fixtures'),
    memoryMiB: 128,
    timeoutMs: 5000,
    variables: () => ({}),
  };
  lambda = await startLambda({
    functions: [
      { name: 'fn', ...common },
      { name: 'off', ...common, reservedConcurrency: 0 },
    ],
    temporaryDir: join(dataDir, 'tmp'),
    logsDir: join(dataDir, 'logs'),
  });
  endpoint = await openInvokeEndpoint(lambda, 0);
});
afterAll(async () => {
  await endpoint.close();
  await lambda.close();
  await rm(dataDir, { recursive: true, force: true });
});

function invoke(
  target: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  const path = `/2015-03-31/functions/${encodeURIComponent(target)}/invocations`;
  return fetch(`${endpoint.url}${path}`, { method: 'POST', body, headers });
}

describe("Lambda's Invoke", () => {
  it.each(['fn', 'fn:$LATEST', 'arn:aws:lambda:us-east-1:000000000000:function:fn'])(
    'runs %s',
    async (target) => {
      const response = await invoke(target, '{"do":"echo"}');
      expect(response.status).toBe(200);
      expect(response.headers.get('x-amz-executed-version')).toBe('$LATEST');
      expect(response.headers.get('x-amz-function-error')).toBeNull();
      expect(await response.json()).toEqual({ do: 'echo' });
    },
  );

  it('marks a function error', async () => {
    const response = await invoke('fn', '{"do":"throw"}');
    expect(response.status).toBe(200);
    expect(response.headers.get('x-amz-function-error')).toBe('Unhandled');
    expect(await response.json()).toMatchObject({ errorType: 'RangeError' });
  });

  it('does not wait for an event', async () => {
    const headers = { 'x-amz-invocation-type': 'Event' };
    expect((await invoke('fn', '{"do":"echo"}', headers)).status).toBe(202);
  });

  it.each([
    ['nobody', '{}', 404, 'ResourceNotFoundException'],
    ['fn', 'not json', 400, 'InvalidRequestContentException'],
    ['fn', JSON.stringify('x'.repeat(6_291_456)), 413, 'RequestTooLargeException'],
    ['off', '{}', 429, 'TooManyRequestsException'],
  ])('of %s with %.9s is refused with %i', async (target, body, status, type) => {
    const response = await invoke(target, body);
    expect(response.status).toBe(status);
    expect(response.headers.get('x-amzn-errortype')).toBe(type);
  });
});
