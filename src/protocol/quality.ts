/**
 * What a caller accepts, in lower case, with the quality of each from 0 (not acceptable) to 1
 * (RFC 9110, 12.4.2). Entries that are not of the form are passed over: a caller's slip must not cost the answer.
 */
export type Qualities = ReadonlyMap<string, number>;

/** Entries of one header that are looked at. */
const maximumEntries = 64;

/** Reads `Accept` or `Accept-Encoding`; parameters other than `q` are dropped. */
export function parseQualities(header: string): Qualities {
  const qualities = new Map<string, number>();
  for (const entry of header.split(',', maximumEntries)) {
    const [value = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
    if (value === '') continue;
    const weight = parameters.find((parameter) => /^q\s*=/.test(parameter));
    const quality = weight === undefined ? 1 : Number(weight.slice(weight.indexOf('=') + 1));
    if (quality >= 0 && quality <= 1) qualities.set(value, quality);
  }
  return qualities;
}

/** The quality of the first of the names that is listed, most specific first; undefined when none is. */
export function qualityOf(qualities: Qualities, names: readonly string[]): number | undefined {
  for (const name of names) {
    const quality = qualities.get(name);
    if (quality !== undefined) return quality;
  }
  return undefined;
}
