import type { ServingError } from '../../errors.ts';
import { type HttpResponse, jsonResponse } from './http.ts';

/** The protocol's error body; its only required key is `error`. */
export function errorResponse(error: ServingError): HttpResponse {
  const headers: Record<string, string> = {};
  if (error.retryAfterSeconds !== undefined) headers['retry-after'] = `${error.retryAfterSeconds}`;
  if (error.allowedMethods !== undefined) headers['allow'] = error.allowedMethods.join(', ');
  return jsonResponse(
    { error: error.message, code: error.code },
    { statusCode: error.statusCode, headers },
  );
}
