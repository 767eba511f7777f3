import { count, reference, type Schema, string } from './schemas.ts';

/** A body of JSON with a schema of the document. */
export function json(schema: string): Schema {
  return { 'application/json': { schema: reference(schema) } };
}

/** What each operation may answer beside what it is for. */
export const errors: Schema = {
  '4XX': { description: 'What is wrong with the request.', content: json('Error') },
  '5XX': {
    description: 'Why the service could not answer.',
    headers: {
      'Retry-After': {
        description: 'Seconds, where the same request may succeed then.',
        schema: count,
      },
    },
    content: json('Error'),
  },
};

/** @param schema of the answer's JSON; undefined for an answer whose status says it all */
export function getOperation(
  summary: string,
  schema: string | undefined,
  parameters: readonly Schema[] = [],
): Schema {
  return { summary, parameters, responses: { 200: ok(schema), ...errors } };
}

/** The same for a `POST` whose body may be left out. */
export function postOperation(
  summary: string,
  { request, response }: { readonly request: string; readonly response: string | undefined },
): Schema {
  return {
    summary,
    requestBody: { required: false, content: json(request) },
    responses: { 200: ok(response), ...errors },
  };
}

function ok(schema: string | undefined): Schema {
  return { description: 'OK', ...(schema === undefined ? {} : { content: json(schema) }) };
}

/** A part of a path that is a name. */
export function pathParameter(name: string, description?: string): Schema {
  return { name, in: 'path', required: true, ...(description && { description }), schema: string };
}

export function queryParameter(name: string, schema: Schema, description: string): Schema {
  return { name, in: 'query', description, schema };
}

/** The header that asks for an answer later (RFC 7240). */
export const prefer: Schema = {
  name: 'Prefer',
  in: 'header',
  description:
    '`respond-async` asks for 202 at once, and the answer later. Requests in JSON, and raw things of a task. A caller that is limited to some models is answered at once all the same.',
  schema: string,
};

/** The answer to it. */
export const acceptedLater: Schema = {
  description: 'As `Prefer: respond-async` asks: the answer will be at `Location`.',
  headers: {
    Location: { description: '`/v2/jobs/{job}/result`', schema: string },
    'Preference-Applied': { schema: { const: 'respond-async' } },
  },
  content: json('Job'),
};
