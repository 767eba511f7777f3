import type { HttpRequest } from './http.ts';

/** Whether a caller prefers to be answered later (`Prefer: respond-async`, RFC 7240, 4.1). */
export function prefersAsync({ headers }: Pick<HttpRequest, 'headers'>): boolean {
  return /(?:^|[,;\s])respond-async(?:$|[,;\s])/i.test(headers['prefer'] ?? '');
}
