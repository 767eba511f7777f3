/**
 * Model and version names: what may stand in a key, a URL and a file's path alike.
 * Any letters and digits of any script, then also `. _ - + space`; never a slash, a percent sign, a control
 * character, or a name of dots alone. Leaving out `%` keeps percent-decoding idempotent, whatever the
 * gateway in front did already.
 */
const namePattern = /^[\p{L}\p{N}_][\p{L}\p{N}\p{M}._\-+ ]{0,127}$/u;

/** Whether `name` can name a model, a version or an alias (1 to 128 characters). */
export function isName(name: string): boolean {
  return namePattern.test(name) && !name.endsWith(' ') && name === name.normalize('NFC');
}
