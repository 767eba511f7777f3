import type { HttpRequest } from './http.ts';

/**
 * Whether a caller is to be answered later: it prefers that (`Prefer: respond-async`, RFC 7240, 4.1), and may use every
 * model. To one that is limited to some the jobs API is closed, so that it could not read its answer: a preference may be
 * passed over, and it is answered at once.
 */
export function isAnsweredLater({
  headers,
  allowedModels,
}: Pick<HttpRequest, 'headers' | 'allowedModels'>): boolean {
  if (allowedModels !== undefined) return false;
  return /(?:^|[,;\s])respond-async(?:$|[,;\s])/i.test(headers['prefer'] ?? '');
}
