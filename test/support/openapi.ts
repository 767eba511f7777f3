import { isObject } from '../../src/protocol/fields.ts';
import { problemsOf, resolve } from './json-schema.ts';

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

type Node = Readonly<Record<string, unknown>>;

const nodeOf = (value: unknown): Node => (isObject(value) ? value : {});
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** An operation of a document. */
export interface Operation {
  /** `GET /v2/jobs`. */
  readonly route: string;
  readonly path: string;
  readonly operation: Node;
  /** Its own, and those of its path. */
  readonly parameters: readonly Node[];
}

export function operationsOf(document: unknown): readonly Operation[] {
  return Object.entries(nodeOf(nodeOf(document)['paths'])).flatMap(([path, item]) =>
    Object.entries(nodeOf(item)).flatMap(([method, value]) => {
      if (!methods.includes(method)) return [];
      const operation = nodeOf(value);
      const parameters = [item, operation].flatMap((one) => listOf(nodeOf(one)['parameters']));
      const route = `${method.toUpperCase()} ${path}`;
      return [{ route, path, operation, parameters: parameters.map(nodeOf) }];
    }),
  );
}

/** What keeps a document from being one of OpenAPI 3.1 (its specification, 4.8), as far as ours goes. */
export function faultsOf(document: unknown): readonly string[] {
  const { openapi, info, paths, components, ...others } = nodeOf(document);
  const { title, version } = nodeOf(info);
  return [
    ...fault(/^3\.1\.\d+$/.test(String(openapi)), 'openapi: no version 3.1'),
    ...fault(typeof title === 'string' && typeof version === 'string', 'info: no title, version'),
    ...unknownKeys(others, ['servers', 'tags', 'security'], 'document'),
    ...Object.keys(nodeOf(paths)).flatMap((path) => fault(path.startsWith('/'), `${path}: no /`)),
    ...Object.entries(nodeOf(paths)).flatMap(([path, item]) =>
      unknownKeys(item, [...methods, 'summary', 'description', 'parameters'], path),
    ),
    ...operationsOf(document).flatMap(faultsOfOperation),
    ...Object.entries(nodeOf(nodeOf(components)['schemas'])).flatMap(([name, schema]) => [
      ...fault(/^[a-zA-Z0-9._-]+$/.test(name), `${name}: no key of components`),
      ...fault(isObject(schema), `${name}: no schema`),
    ]),
    ...referencesIn(document).flatMap((reference) =>
      fault(resolve(document, reference) !== undefined, `${reference}: nothing is there`),
    ),
  ];
}

function faultsOfOperation({ route, path, operation, parameters }: Operation): readonly string[] {
  const { responses, requestBody } = operation;
  const names = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name);
  const inPath = parameters.filter((parameter) => parameter['in'] === 'path');
  const keys = parameters.map(
    (parameter) => `${String(parameter['in'])} ${String(parameter['name'])}`,
  );
  return [
    ...unknownKeys(
      operation,
      [
        'summary',
        'description',
        'parameters',
        'requestBody',
        'responses',
        'operationId',
        'tags',
        'deprecated',
      ],
      route,
    ),
    ...fault(
      JSON.stringify(inPath.map(({ name }) => name)) === JSON.stringify(names),
      `${route}: its path has other parameters`,
    ),
    ...fault(
      inPath.every(({ required }) => required === true),
      `${route}: a part is optional`,
    ),
    ...fault(new Set(keys).size === keys.length, `${route}: a parameter stands twice`),
    ...parameters.flatMap((parameter) => [
      ...unknownKeys(parameter, ['name', 'in', 'description', 'required', 'schema'], route),
      ...fault(isObject(parameter['schema']), `${route}: a parameter without a schema`),
      ...fault(
        ['path', 'query', 'header', 'cookie'].includes(String(parameter['in'])),
        `${route}: a parameter that is nowhere`,
      ),
    ]),
    ...(requestBody === undefined
      ? []
      : [
          ...unknownKeys(requestBody, ['description', 'required', 'content'], route),
          ...fault(isObject(nodeOf(requestBody)['content']), `${route}: a body of nothing`),
          ...faultsOfContent(nodeOf(requestBody)['content'], route),
        ]),
    ...fault(Object.keys(nodeOf(responses)).length > 0, `${route}: no response`),
    ...Object.entries(nodeOf(responses)).flatMap(([status, response]) => {
      const { description, headers, content } = nodeOf(response);
      return [
        ...fault(/^([1-5](\d\d|XX)|default)$/.test(status), `${route}: ${status} is no status`),
        ...fault(typeof description === 'string', `${route}: ${status} without a description`),
        ...unknownKeys(response, ['description', 'headers', 'content', 'links'], route),
        ...Object.values(nodeOf(headers)).flatMap((header) =>
          unknownKeys(header, ['description', 'required', 'schema'], route),
        ),
        ...faultsOfContent(content, route),
      ];
    }),
  ];
}

function faultsOfContent(content: unknown, route: string): readonly string[] {
  return Object.entries(nodeOf(content)).flatMap(([mediaType, media]) => [
    ...fault(/^[\w*]+\/[\w.+*-]+$/.test(mediaType), `${route}: ${mediaType} is no media type`),
    ...unknownKeys(media, ['schema', 'example', 'examples', 'encoding'], route),
  ]);
}

function fault(holds: boolean, words: string): readonly string[] {
  return holds ? [] : [words];
}

function unknownKeys(node: unknown, known: readonly string[], at: string): readonly string[] {
  return Object.keys(nodeOf(node))
    .filter((key) => !known.includes(key))
    .map((key) => `${at}: ${key} has no meaning`);
}

function referencesIn(node: unknown): readonly string[] {
  if (Array.isArray(node)) return node.flatMap(referencesIn);
  return Object.entries(nodeOf(node)).flatMap(([key, value]) =>
    key === '$ref' ? [String(value)] : referencesIn(value),
  );
}

/** What of an answer in JSON the document does not say. */
export function undocumented(
  document: unknown,
  route: string,
  answer: { readonly status: number; readonly body: unknown },
): readonly string[] {
  const operation = operationsOf(document).find((one) => one.route === route)?.operation;
  if (operation === undefined) return [`${route} is not in the document`];
  const responses = nodeOf(operation['responses']);
  const { status, body } = answer;
  const response = responses[status] ?? responses[`${Math.floor(status / 100)}XX`];
  if (response === undefined) return [`${route} says nothing of ${status}`];
  const media = nodeOf(nodeOf(nodeOf(response)['content'])['application/json']);
  return media['schema'] === undefined
    ? fault(body === undefined, `${route}: ${status} has no body`)
    : problemsOf(document, media['schema'], body);
}
