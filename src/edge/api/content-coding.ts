import { decodedBodyBytes } from '../../contract/limits.ts';
import {
  type ContentCoding,
  decodeContent,
  encodeContent,
  negotiateCoding,
} from '../../protocol/content-coding.ts';
import type { Api, HttpRequest, HttpResponse } from './http.ts';

/** Below this a coding saves less than its headers cost. */
const minimumBytes = 4 * 1024;

/** Takes the coding off a request's body. @throws as `decodeContent` does */
export async function decodedRequest(request: HttpRequest): Promise<HttpRequest> {
  const coding = request.headers['content-encoding'];
  if (coding === undefined || typeof request.body === 'string') return request;
  const body = await decodeContent(request.body, coding, decodedBodyBytes);
  return { ...request, body };
}

/**
 * Puts the coding on a response that the caller asked for. Tensors in binary shrink little and cost more time than
 * they save, so those are compressed only for a caller that names one coding and nothing else, as Triton's clients do.
 */
export async function encodedResponse(
  request: HttpRequest,
  response: HttpResponse,
): Promise<HttpResponse> {
  const accept = request.headers['accept-encoding'];
  if (accept === undefined || response.body.length < minimumBytes) return response;
  const coding = negotiateCoding(accept);
  if (coding === 'identity' || (isBinary(response) && !isSingle(accept, coding))) return response;
  return {
    statusCode: response.statusCode,
    headers: { ...response.headers, 'content-encoding': coding, vary: 'accept-encoding' },
    body: await encodeContent(response.body, coding),
  };
}

function isBinary({ headers }: HttpResponse): boolean {
  return headers['content-type'] === 'application/octet-stream';
}

function isSingle(accept: string, coding: ContentCoding): boolean {
  return accept.trim().toLowerCase() === coding;
}

/** Both ways around an api. */
export function withContentCoding(route: Api): Api {
  return async (request) => {
    const decoded = await decodedRequest(request);
    return encodedResponse(request, await route(decoded));
  };
}
