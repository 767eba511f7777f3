import { expect, it } from 'vitest';
import { BodyMemory } from '../../src/edge/api/body-memory.ts';
import { toHttpRequest } from '../../src/edge/api/gateway.ts';
import { gatewayEvent } from '../support/gateway-event.ts';

function requestOf(body: Uint8Array, headers: Record<string, string>) {
  const event = gatewayEvent('/v2/models/iris/infer', body, headers);
  const request = toHttpRequest(event, undefined, 1_000, new BodyMemory());
  if (typeof request.body === 'string') throw new Error('expected bytes');
  return request.body;
}

const bytes = Uint8Array.from({ length: 100 }, (_, index) => index);

it.each([0, 1, 3, 8, 17, 99])(
  'after JSON of %i bytes a tensor begins where any datatype may be viewed',
  (jsonBytes) => {
    const body = requestOf(bytes, { 'inference-header-content-length': `${jsonBytes}` });
    expect([...body]).toEqual([...bytes]);
    expect((body.byteOffset + jsonBytes) % 8).toBe(0);
  },
);

it.each(['', 'x', '-1', '1e99', '5.5', '12345678901234567'])(
  'a length of JSON that is none (%j) leaves the body as it came',
  (length) => {
    expect([...requestOf(bytes, { 'inference-header-content-length': length })]).toEqual([
      ...bytes,
    ]);
  },
);
