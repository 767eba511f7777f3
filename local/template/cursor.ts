/** What a template says that the laptop cannot read: the message names the logical id and the property. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/**
 * What `Ref` and `Fn::GetAtt` stand for on the laptop.
 * Each answers undefined for what has no counterpart here.
 */
export interface References {
  ref(logicalId: string): string | undefined;
  attribute(logicalId: string, attribute: string): string | undefined;
}

/**
 * A place in a template: a value that nobody has checked yet, and where it stands.
 * Reading it as text resolves the intrinsic functions that CDK writes (Ref, Fn::GetAtt, Fn::Join, Fn::Sub,
 * Fn::Select, Fn::Split).
 */
export class Cursor {
  readonly value: unknown;
  /** Where it stands, e.g. `ApiFunction.Properties.Timeout`. */
  readonly path: string;
  readonly #references: References;

  constructor(value: unknown, path: string, references: References) {
    this.value = value;
    this.path = path;
    this.#references = references;
  }

  /** Whether a value is there; `{"Ref": "AWS::NoValue"}` is none. */
  get isPresent(): boolean {
    return this.value !== undefined && !(isRecord(this.value) && this.value['Ref'] === noValue);
  }

  /** A member of an object; a cursor to nothing where there is none. @throws TemplateError when this is no object */
  at(key: string): Cursor {
    if (!this.isPresent) return this.#child(undefined, key);
    return this.#child(this.#record()[key], key);
  }

  /** The members of an object that are there, none when this is absent. @throws TemplateError when this is no object */
  entries(): [string, Cursor][] {
    if (!this.isPresent) return [];
    return Object.entries(this.#record())
      .map(([key, value]): [string, Cursor] => [key, this.#child(value, key)])
      .filter(([, cursor]) => cursor.isPresent);
  }

  /** The items of a list, none when this is absent. @throws TemplateError when this is no list */
  items(): Cursor[] {
    if (!this.isPresent) return [];
    if (!Array.isArray(this.value)) throw this.unexpected('a list');
    return this.value.map((item, index) => this.#child(item, `${index}`));
  }

  /** @throws TemplateError when this is absent or does not come to text */
  string(): string {
    const { value } = this;
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (isRecord(value)) return this.#intrinsic(value);
    throw this.unexpected('text');
  }

  optionalString(): string | undefined {
    return this.isPresent ? this.string() : undefined;
  }

  /** A whole number; `fallback` when absent. CloudFormation takes numbers written as text. */
  integer(fallback: number): number {
    return this.optionalInteger() ?? fallback;
  }

  optionalInteger(): number | undefined {
    if (!this.isPresent) return undefined;
    const number = Number(this.string());
    if (!Number.isSafeInteger(number)) throw this.unexpected('a whole number');
    return number;
  }

  boolean(fallback: boolean): boolean {
    if (!this.isPresent) return fallback;
    const text = this.string();
    if (text !== 'true' && text !== 'false') throw this.unexpected('true or false');
    return text === 'true';
  }

  unexpected(expected: string): TemplateError {
    return new TemplateError(`${this.path}: expected ${expected}, got ${describe(this.value)}`);
  }

  #child(value: unknown, key: string): Cursor {
    return new Cursor(value, `${this.path}.${key}`, this.#references);
  }

  #record(): Record<string, unknown> {
    if (!isRecord(this.value)) throw this.unexpected('an object');
    return this.value;
  }

  #intrinsic(record: Record<string, unknown>): string {
    const [name, ...others] = Object.keys(record);
    if (name === undefined || others.length > 0) throw this.unexpected('text');
    const argument = this.at(name);
    switch (name) {
      case 'Ref':
        return this.#known(this.#references.ref(argument.string()));
      case 'Fn::GetAtt': {
        const { logicalId, attribute } = attributeReference(argument);
        return this.#known(this.#references.attribute(logicalId, attribute));
      }
      case 'Fn::Join': {
        const [separator, parts] = pair(argument);
        return parts.#strings().join(separator.string());
      }
      case 'Fn::Select': {
        const [index, list] = pair(argument);
        const selected = list.#strings()[index.integer(0)];
        if (selected === undefined) throw list.unexpected(`a list with item ${index.string()}`);
        return selected;
      }
      case 'Fn::Sub':
        return this.#substitute(argument);
      default:
        throw this.unexpected('text, or an intrinsic function that comes to text');
    }
  }

  /** A list of texts: written out, or made by Fn::Split. */
  #strings(): string[] {
    if (!isRecord(this.value)) return this.items().map((item) => item.string());
    const [separator, source] = pair(this.at('Fn::Split'));
    return source.string().split(separator.string());
  }

  /** `${Name}` is a Ref, `${Name.Attribute}` a GetAtt, `${!Name}` stands for itself. */
  #substitute(argument: Cursor): string {
    const [pattern, variables] = Array.isArray(argument.value)
      ? pair(argument)
      : [argument, new Cursor(undefined, argument.path, this.#references)];
    return pattern.string().replace(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal !== '') return `\${${name}}`;
      const variable = variables.at(name);
      if (variable.isPresent) return variable.string();
      const dot = name.indexOf('.');
      return this.#known(
        dot < 0
          ? this.#references.ref(name)
          : this.#references.attribute(name.slice(0, dot), name.slice(dot + 1)),
      );
    });
  }

  #known(resolved: string | undefined): string {
    if (resolved !== undefined) return resolved;
    throw new TemplateError(
      `${this.path}: ${describe(this.value)} refers to something that has no counterpart on the laptop`,
    );
  }
}

const noValue = 'AWS::NoValue';

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}

function pair(argument: Cursor): [Cursor, Cursor] {
  const [first, second, ...others] = argument.items();
  if (first === undefined || second === undefined || others.length > 0) {
    throw argument.unexpected('a list of two');
  }
  return [first, second];
}

/** Fn::GetAtt takes a list of two, and in YAML's manner `LogicalId.Attribute`. */
function attributeReference(argument: Cursor): { logicalId: string; attribute: string } {
  if (Array.isArray(argument.value)) {
    const [logicalId, attribute] = pair(argument);
    return { logicalId: logicalId.string(), attribute: attribute.string() };
  }
  const text = argument.string();
  const dot = text.indexOf('.');
  if (dot < 0) throw argument.unexpected('a logical id and an attribute');
  return { logicalId: text.slice(0, dot), attribute: text.slice(dot + 1) };
}
