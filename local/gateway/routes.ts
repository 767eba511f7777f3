/** A route key taken apart: `ANY /v2/models/{model}/{proxy+}`, or `$default`. */
export interface RoutePattern {
  readonly routeKey: string;
  /** `ANY` for all. */
  readonly method: string;
  /** Undefined for `$default`. */
  readonly segments: readonly Segment[] | undefined;
}

type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'greedy'; readonly name: string };

export interface RouteMatch<Route extends RoutePattern> {
  readonly route: Route;
  readonly pathParameters: Readonly<Record<string, string>>;
}

export function parseRouteKey(routeKey: string): RoutePattern {
  if (routeKey === '$default') return { routeKey, method: 'ANY', segments: undefined };
  const [method = '', path = ''] = routeKey.split(' ');
  return { routeKey, method, segments: path.slice(1).split('/').map(parseSegment) };
}

/**
 * The route that API Gateway picks: an exact path before one with variables, that before a greedy one, and
 * `$default` last; for the same path a named method before ANY (docs: http-api-develop-routes).
 * @param path without the stage, decoded
 */
export function matchRoute<Route extends RoutePattern>(
  routes: readonly Route[],
  method: string,
  path: string,
): RouteMatch<Route> | undefined {
  const parts = path.slice(1).split('/');
  return routes
    .filter((route) => route.method === 'ANY' || route.method === method)
    .flatMap((route) => {
      const pathParameters = matchSegments(route.segments, parts);
      return pathParameters === undefined ? [] : [{ route, pathParameters }];
    })
    .sort((a, b) => compare(a.route, b.route))[0];
}

function parseSegment(text: string): Segment {
  const [, name, plus] = /^\{([^+}]+)(\+?)\}$/.exec(text) ?? [];
  if (name === undefined) return { kind: 'literal', text };
  return { kind: plus === '+' ? 'greedy' : 'variable', name };
}

function matchSegments(
  segments: readonly Segment[] | undefined,
  parts: readonly string[],
): Record<string, string> | undefined {
  const found: Record<string, string> = {};
  if (segments === undefined) return found;
  for (const [index, segment] of segments.entries()) {
    const part = parts[index];
    // A variable never stands for nothing: `/v2/` is not `/v2/{proxy+}`.
    if (part === undefined || (part === '' && segment.kind !== 'literal')) return undefined;
    if (segment.kind === 'greedy') {
      found[segment.name] = parts.slice(index).join('/');
      return found;
    }
    if (segment.kind === 'variable') found[segment.name] = part;
    else if (segment.text !== part) return undefined;
  }
  return parts.length === segments.length ? found : undefined;
}

const specificity = { literal: 0, variable: 1, greedy: 2 } as const;

/** Of two routes that match the same path, the more specific first. */
function compare(a: RoutePattern, b: RoutePattern): number {
  const length = Math.max(a.segments?.length ?? 0, b.segments?.length ?? 0);
  for (let index = 0; index < length; index++) {
    const difference = rank(a, index) - rank(b, index);
    if (difference !== 0) return difference;
  }
  return Number(a.method === 'ANY') - Number(b.method === 'ANY');
}

function rank({ segments }: RoutePattern, index: number): number {
  const segment = segments?.[index];
  return segment === undefined ? 3 : specificity[segment.kind];
}
