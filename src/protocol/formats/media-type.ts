import { ServingError } from '../../errors.ts';
import { quote } from '../fields.ts';
import { parseQualities, qualityOf } from '../quality.ts';

/** `text/csv; header=present`, in lower case. */
export interface MediaType {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Reads a `Content-Type`. Only the form is read: an unknown name is for the caller to refuse. */
export function parseMediaType(header: string): MediaType {
  const [name = '', ...parts] = header.split(';');
  const parameters = new Map<string, string>();
  for (const part of parts) {
    const equals = part.indexOf('=');
    if (equals < 0) continue;
    const value = part.slice(equals + 1).trim();
    parameters.set(
      part.slice(0, equals).trim().toLowerCase(),
      value.replace(/^"(.*)"$/, '$1').toLowerCase(),
    );
  }
  return { name: name.trim().toLowerCase(), parameters };
}

/**
 * The offered media type that a caller likes best (RFC 9110, 12.5.1).
 *
 * @param accept the header; undefined or empty for no preference
 * @param offered in the order of our preference; the first is the answer to `*\/*`
 * @throws ServingError NOT_ACCEPTABLE that lists what is offered
 */
export function negotiateMediaType(
  accept: string | undefined,
  offered: readonly [string, ...string[]],
): string {
  if (accept === undefined || accept.trim() === '') return offered[0];
  const qualities = parseQualities(accept);
  let best: string | undefined;
  let bestQuality = 0;
  for (const name of offered) {
    const range = `${name.slice(0, name.indexOf('/'))}/*`;
    const quality = qualityOf(qualities, [name, range, '*/*']) ?? 0;
    if (quality > bestQuality) {
      best = name;
      bestQuality = quality;
    }
  }
  if (best !== undefined) return best;
  throw new ServingError(
    'NOT_ACCEPTABLE',
    `Accept: expected one of ${offered.join(', ')}, got ${quote(accept)}`,
  );
}
