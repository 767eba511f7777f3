import { isName } from '../../contract/names.ts';
import { invalidRequest, ServingError } from '../../errors.ts';
import { quote } from '../../protocol/fields.ts';
import type { HttpRequest, HttpResponse } from './http.ts';

/** Values of a route's `{...}` parts, decoded and checked. */
export type RouteParameters = Readonly<Record<string, string>>;

export type RouteHandler = (
  request: HttpRequest,
  parameters: RouteParameters,
) => Promise<HttpResponse> | HttpResponse;

/** `GET /v2/models/{model}/ready`: a method, and a path whose braced parts are names. */
export type Routes = Readonly<Record<string, RouteHandler>>;

interface Node {
  /** By literal part of a path. */
  readonly children: Map<string, Node>;
  /** The part that is a name, if any. */
  parameter: { readonly name: string; readonly node: Node } | undefined;
  readonly methods: Map<string, RouteHandler>;
}

/**
 * Finds a request's route: literal parts win over names where they lead to a route, a trailing slash does not count. HEAD is
 * answered as GET is: the gateway keeps the body back, and tells its length.
 *
 * @throws ServingError (from the returned function) NOT_FOUND for a path without a route, METHOD_NOT_ALLOWED for one
 *   that has others, INVALID_REQUEST for a part that cannot be a name
 */
export function createRouter(routes: Routes): RouteHandler {
  const root = newNode();
  for (const [route, handler] of Object.entries(routes)) addRoute(root, route, handler);
  return (request) => {
    const parameters: Record<string, string> = {};
    const node = find(root, splitPath(request.path), 0, parameters);
    if (node === undefined) {
      throw new ServingError('NOT_FOUND', `no route for ${request.method} ${quote(request.path)}`);
    }
    const handler =
      node.methods.get(request.method) ??
      (request.method === 'HEAD' ? node.methods.get('GET') : undefined);
    if (handler === undefined) {
      const allowedMethods = [...node.methods.keys()];
      throw new ServingError(
        'METHOD_NOT_ALLOWED',
        `method: expected ${allowedMethods.join(' or ')} for ${quote(request.path)}, got ${request.method}`,
        { allowedMethods },
      );
    }
    return handler(request, parameters);
  };
}

function newNode(): Node {
  return { children: new Map(), parameter: undefined, methods: new Map() };
}

function splitPath(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

function addRoute(root: Node, route: string, handler: RouteHandler): void {
  const [method = '', path = ''] = route.split(' ');
  let node = root;
  for (const part of splitPath(path)) node = childFor(node, part);
  node.methods.set(method, handler);
}

function childFor(node: Node, part: string): Node {
  if (part.startsWith('{')) {
    node.parameter ??= { name: part.slice(1, -1), node: newNode() };
    return node.parameter.node;
  }
  const existing = node.children.get(part);
  if (existing !== undefined) return existing;
  const child = newNode();
  node.children.set(part, child);
  return child;
}

/** The node that a path's parts from one on lead to: a literal part that leads to no routes gives way to a name. */
function find(
  node: Node,
  parts: readonly string[],
  from: number,
  parameters: Record<string, string>,
): Node | undefined {
  const part = parts[from];
  if (part === undefined) return node.methods.size > 0 ? node : undefined;
  const literal = node.children.get(part);
  const found = literal === undefined ? undefined : find(literal, parts, from + 1, parameters);
  if (found !== undefined || node.parameter === undefined) return found;
  const { name, node: next } = node.parameter;
  const end = find(next, parts, from + 1, parameters);
  if (end !== undefined) parameters[name] = parseNamePart(name, part);
  return end;
}

function parseNamePart(field: string, part: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(part);
  } catch {
    throw invalidRequest(field, 'percent-encoded UTF-8', JSON.stringify(part));
  }
  if (!isName(decoded)) {
    throw invalidRequest(
      field,
      'a name of at most 128 letters and digits of any script (composed: NFC), spaces and "._-+"',
      JSON.stringify(decoded.slice(0, 128)),
    );
  }
  return decoded;
}
