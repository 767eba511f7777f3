import { request } from 'node:http';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LaptopApi, startLaptopApi } from './laptop-api.ts';

/**
 * What an HTTP API with payload format 2.0 does, whoever runs it: by default the laptop cloud, or the API
 * that PILOTLIGHT_CONFORMANCE_API_ENDPOINT names, with fixtures/http.cjs under `ANY /any/{proxy+}`.
 */
const elsewhere = process.env['PILOTLIGHT_CONFORMANCE_API_ENDPOINT'];

let laptop: LaptopApi | undefined;
let endpoint: string;

beforeAll(async () => {
  if (elsewhere === undefined) laptop = await startLaptopApi();
  endpoint = elsewhere ?? laptop?.gateway.url ?? '';
});
afterAll(() => laptop?.close());

async function eventOf(path: string, init: RequestInit = {}): Promise<APIGatewayProxyEventV2> {
  const response = await fetch(`${endpoint}${path}`, init);
  expect(response.status).toBe(200);
  return (await response.json()) as APIGatewayProxyEventV2;
}

function post(contentType: string | undefined, body: Uint8Array<ArrayBuffer>): RequestInit {
  return { method: 'POST', body, headers: contentType ? { 'content-type': contentType } : {} };
}

describe('the event of an HTTP API', () => {
  it('says what was asked for', async () => {
    const event = await eventOf('/any/thing/else?a=1&b=x%20y&a=2');
    expect(event).toMatchObject({
      version: '2.0',
      routeKey: 'ANY /any/{proxy+}',
      rawPath: '/any/thing/else',
      rawQueryString: 'a=1&b=x%20y&a=2',
      queryStringParameters: { a: '1,2', b: 'x y' },
      pathParameters: { proxy: 'thing/else' },
      isBase64Encoded: false,
      requestContext: {
        routeKey: 'ANY /any/{proxy+}',
        http: { method: 'GET', path: '/any/thing/else', protocol: 'HTTP/1.1' },
        stage: '$default',
      },
    });
    expect(event.requestContext.time).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
    expect(Math.abs(event.requestContext.timeEpoch - Date.now())).toBeLessThan(60_000);
    expect(event).not.toHaveProperty('body');
    expect(event).not.toHaveProperty('cookies');
  });

  it('has the path decoded and the query as it was sent', async () => {
    const event = await eventOf('/any/caf%C3%A9%20au%2Flait?q=%C3%A9');
    expect(event.rawPath).toBe('/any/café au/lait');
    expect(event.requestContext.http.path).toBe('/any/café au/lait');
    expect(event.rawQueryString).toBe('q=%C3%A9');
  });

  it('has header names in lower case, repeated ones joined, and cookies apart', async () => {
    const event = await new Promise<APIGatewayProxyEventV2>((resolve, reject) => {
      const outgoing = request(`${endpoint}/any/headers`, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString())));
      });
      outgoing.on('error', reject);
      outgoing.setHeader('X-Mixed-Case', 'yes');
      outgoing.setHeader('X-Twice', ['one', 'two']);
      outgoing.setHeader('Cookie', 'a=1; b=2');
      outgoing.end();
    });
    expect(event.headers).toMatchObject({ 'x-mixed-case': 'yes' });
    expect(event.headers['x-twice']?.replaceAll(' ', '')).toBe('one,two');
    expect(event.cookies).toEqual(['a=1', 'b=2']);
    expect(event.headers).not.toHaveProperty('cookie');
    expect(event.headers).toHaveProperty('x-forwarded-for');
    expect(event.headers).toHaveProperty('host');
  });

  const text = new TextEncoder().encode('{"text": "é"}');

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'text/csv',
    'application/xml',
    'application/javascript',
  ])('has a body of type %s as text', async (contentType) => {
    const event = await eventOf('/any/body', post(contentType, text));
    expect(event).toMatchObject({ isBase64Encoded: false, body: '{"text": "é"}' });
    expect(event.headers['content-length']).toBe(`${text.byteLength}`);
  });

  it.each([
    'application/octet-stream',
    'application/x-www-form-urlencoded',
    'application/vnd.api+json',
    'image/png',
    undefined,
  ])('has a body of type %s in base64', async (contentType) => {
    const event = await eventOf('/any/body', post(contentType, text));
    expect(event).toMatchObject({
      isBase64Encoded: true,
      body: Buffer.from(text).toString('base64'),
    });
  });
});

describe('the response of an HTTP API', () => {
  it.each([
    ['bare', 200, 'application/json', '{"hello":"world"}'],
    ['text', 200, 'application/json', 'just text'],
    ['nothing', 200, 'application/json', 'null'],
    ['cookies', 201, 'text/plain', 'made'],
    ['empty', 204, 'text/plain', ''],
    ['malformed', 500, 'application/json', '{"message":"Internal Server Error"}'],
    ['objectBody', 500, 'application/json', '{"message":"Internal Server Error"}'],
    ['throw', 500, 'application/json', '{"message":"Internal Server Error"}'],
    ['exit', 500, 'application/json', '{"message":"Internal Server Error"}'],
    ['large', 500, 'application/json', '{"message":"Internal Server Error"}'],
  ])('to a function that answers %s', async (name, status, contentType, body) => {
    const response = await fetch(`${endpoint}/any/x?do=${name}`);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain(contentType);
    expect(await response.text()).toBe(body);
    expect(response.headers.get('apigw-requestid')).toBeTruthy();
  });

  it('carries bytes, and headers of any case and type', async () => {
    const response = await fetch(`${endpoint}/any/x?do=binary`);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.headers.get('x-count')).toBe('3');
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([0, 1, 254, 255]);
  });

  it('sets each cookie', async () => {
    const response = await fetch(`${endpoint}/any/x?do=cookies`);
    expect(response.headers.getSetCookie()).toEqual(['a=1; Secure', 'b=2']);
  });

  it('has no body when HEAD asks, and the headers that GET would have', async () => {
    const got = await fetch(`${endpoint}/any/x?do=binary`);
    const response = await fetch(`${endpoint}/any/x?do=binary`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
    for (const name of ['content-length', 'content-type', 'x-count']) {
      expect(response.headers.get(name)).toBe(got.headers.get(name));
    }
    expect(response.headers.get('content-length')).toBe('4');
  });

  it('is Not Found where no route leads', async () => {
    const response = await fetch(`${endpoint}/nowhere`);
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ message: 'Not Found' });
  });

  it.each([
    ["Lambda's 6 MB", 4_800_000],
    ["the gateway's 10 MB", 10_500_000],
  ])('refuses a body over %s', async (_, bytes) => {
    const body = new Uint8Array(bytes);
    const response = await fetch(`${endpoint}/any/x`, post('application/octet-stream', body));
    expect(response.status).toBe(413);
    expect(await response.json()).toEqual({ message: 'Request Entity Too Large' });
  });

  it('takes a body just under the limit', async () => {
    const response = await fetch(
      `${endpoint}/any/x?do=empty`,
      post('application/octet-stream', new Uint8Array(4_600_000)),
    );
    expect(response.status).toBe(204);
  });
});
