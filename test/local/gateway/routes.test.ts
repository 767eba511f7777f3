import { describe, expect, it } from 'vitest';
import { matchRoute, parseRouteKey } from '../../../local/gateway/routes.ts';

// The example of AWS's own documentation (http-api-develop-routes), and more.
const routes = [
  '$default',
  'ANY /{proxy+}',
  'GET /pets/{proxy+}',
  'GET /pets/dog/{id}',
  'GET /pets/dog/1',
  'ANY /pets/cat',
  'GET /pets/cat',
  'GET /shops/{shop}/pets/{pet}',
].map(parseRouteKey);

function keyFor(method: string, path: string): string | undefined {
  return matchRoute(routes, method, path)?.route.routeKey;
}

describe('a request is routed', () => {
  it.each([
    ['GET', '/pets/dog/1', 'GET /pets/dog/1'],
    ['GET', '/pets/dog/2', 'GET /pets/dog/{id}'],
    ['GET', '/pets/cat/1', 'GET /pets/{proxy+}'],
    ['POST', '/test/5', 'ANY /{proxy+}'],
    ['GET', '/pets/cat', 'GET /pets/cat'],
    ['DELETE', '/pets/cat', 'ANY /pets/cat'],
    ['POST', '/pets/dog/1', 'ANY /{proxy+}'],
    ['GET', '/', '$default'],
    ['GET', '/pets/', 'ANY /{proxy+}'],
  ])('%s %s to %s', (method, path, routeKey) => {
    expect(keyFor(method, path)).toBe(routeKey);
  });

  it('with the variables of its path', () => {
    expect(matchRoute(routes, 'GET', '/shops/7/pets/rex')?.pathParameters).toEqual({
      shop: '7',
      pet: 'rex',
    });
    expect(matchRoute(routes, 'GET', '/pets/bird/1/2')?.pathParameters).toEqual({
      proxy: 'bird/1/2',
    });
  });

  it('nowhere when no route matches', () => {
    const few = ['GET /v2', 'ANY /v2/{proxy+}'].map(parseRouteKey);
    expect(matchRoute(few, 'POST', '/v2')).toBeUndefined();
    expect(matchRoute(few, 'GET', '/v2/')).toBeUndefined();
    expect(matchRoute(few, 'GET', '/v3')).toBeUndefined();
  });
});
