import { ServingError } from '../../errors.ts';
import type { HttpRequest } from './http.ts';

/**
 * The models that an authorizer's answer lets a caller use: a JWT's claim or a member of a Lambda authorizer's context,
 * names parted by spaces or commas (API Gateway turns a list into `[a b]`). `*` is every model. A claim that is missing
 * or of another form lets nobody use anything.
 *
 * @param authorizer `requestContext.authorizer` of the event
 * @returns undefined for every model
 */
export function allowedModels(authorizer: unknown, claim: string): ReadonlySet<string> | undefined {
  const { jwt, lambda } = Object(authorizer);
  const value: unknown = Object(Object(jwt).claims)[claim] ?? Object(lambda)[claim];
  const names = Array.isArray(value) ? value.map(String) : splitNames(value);
  return names.includes('*') ? undefined : new Set(names);
}

function splitNames(value: unknown): string[] {
  if (typeof value !== 'string') return [];
  return value
    .replace(/^\[(.*)\]$/, '$1')
    .split(/[\s,]+/)
    .filter((name) => name !== '');
}

/** @throws ServingError FORBIDDEN when the caller may not use the model */
export function authoriseModel({ allowedModels: allowed }: HttpRequest, model: string): void {
  if (allowed === undefined || allowed.has(model)) return;
  throw new ServingError('FORBIDDEN', `model ${model} is not open to this caller`);
}

/** @throws ServingError FORBIDDEN on routes that show or use models which the path does not name */
export function authoriseEveryModel({ allowedModels: allowed, path }: HttpRequest): void {
  if (allowed === undefined) return;
  throw new ServingError(
    'FORBIDDEN',
    `${path} is not open to callers that are limited to some models`,
  );
}
