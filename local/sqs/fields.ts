import { invalidParameter, SqsError } from './errors.ts';

/**
 * Reads the members of one JSON object of a request: the parsing edge of the protocol.
 * Every method throws the `SqsError` that names the member. `null` counts as absent, as in AWS JSON.
 */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(value: unknown, name: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new SqsError(
        'SerializationException',
        `${name}: expected an object, got ${kind(value)}`,
      );
    }
    this.#values = value as Readonly<Record<string, unknown>>;
  }

  optionalString(name: string): string | undefined {
    const value = this.#values[name] ?? undefined;
    if (value !== undefined && typeof value !== 'string') throw wrongType(name, 'a string', value);
    return value;
  }

  /** A string of at least one character. */
  string(name: string): string {
    const value = this.optionalString(name);
    if (value === undefined || value === '') throw missing(name);
    return value;
  }

  optionalInteger(name: string, minimum: number, maximum: number): number | undefined {
    const value = this.#values[name] ?? undefined;
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value)) {
      throw wrongType(name, 'a whole number', value);
    }
    if (value < minimum || value > maximum) {
      throw invalidParameter(
        name,
        value,
        `Must be between ${minimum} and ${maximum}, if provided.`,
      );
    }
    return value;
  }

  integer(name: string, minimum: number, maximum: number): number {
    const value = this.optionalInteger(name, minimum, maximum);
    if (value === undefined) throw missing(name);
    return value;
  }

  /** A list of strings; empty when absent. */
  strings(name: string): readonly string[] {
    return this.list(name).map((value, index) => {
      if (typeof value !== 'string') throw wrongType(`${name}[${index}]`, 'a string', value);
      return value;
    });
  }

  /** A list of anything; empty when absent. */
  list(name: string): readonly unknown[] {
    const value = this.#values[name] ?? [];
    if (!Array.isArray(value)) throw wrongType(name, 'a list', value);
    return value;
  }

  /** The entries of an object; empty when absent. */
  entries(name: string): readonly (readonly [string, unknown])[] {
    const value = this.#values[name] ?? {};
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw wrongType(name, 'an object', value);
    }
    return Object.entries(value);
  }

  /** An object whose values are all strings; empty when absent. */
  stringMap(name: string): ReadonlyMap<string, string> {
    return new Map(
      this.entries(name).map(([key, value]) => {
        if (typeof value !== 'string') throw wrongType(`${name}.${key}`, 'a string', value);
        return [key, value];
      }),
    );
  }
}

function missing(name: string): SqsError {
  return new SqsError('MissingParameter', `The request must contain the parameter ${name}.`);
}

function wrongType(name: string, expected: string, value: unknown): SqsError {
  return new SqsError(
    'SerializationException',
    `${name}: expected ${expected}, got ${kind(value)}`,
  );
}

function kind(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
