import type { ServingError } from '../../errors.ts';
import { type HttpResponse, jsonResponse } from './http.ts';

/** When to try again what may succeed then, where the failure does not say. */
const defaultRetryAfterSeconds = 1;

/** The protocol's error body; its only required key is `error`. What may succeed later says when (`Retry-After`). */
export function errorResponse(error: ServingError): HttpResponse {
  const headers: Record<string, string> = {};
  if (error.retryable) {
    headers['retry-after'] = `${error.retryAfterSeconds ?? defaultRetryAfterSeconds}`;
  }
  if (error.allowedMethods !== undefined) headers['allow'] = error.allowedMethods.join(', ');
  return jsonResponse(
    { error: error.message, code: error.code },
    { statusCode: error.statusCode, headers },
  );
}
