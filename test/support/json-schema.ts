import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../../src/protocol/fields.ts';

type Checks = Readonly<
  Record<string, (operand: unknown, value: unknown, at: string, check: Check) => readonly string[]>
>;
type Check = (schema: unknown, value: unknown, at: string, isPart?: boolean) => readonly string[];

const listOf = (operand: unknown): readonly unknown[] => (Array.isArray(operand) ? operand : []);
const entriesOf = (operand: unknown) => Object.entries(isObject(operand) ? operand : {});
const when = (holds: boolean, problem: string) => (holds ? [] : [problem]);

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

function isOfType(type: unknown, value: unknown): boolean {
  const own = typeOf(value);
  return type === own || (type === 'number' && own === 'integer');
}

/** What of JSON Schema the OpenAPI document uses. */
const checks: Checks = {
  type: (operand, value, at) =>
    when(
      [operand].flat().some((type) => isOfType(type, value)),
      `${at}: expected ${String(operand)}, got ${typeOf(value)}`,
    ),
  enum: (operand, value, at) =>
    when(listOf(operand).includes(value), `${at}: expected one of ${String(operand)}`),
  const: (operand, value, at) =>
    when(isDeepStrictEqual(operand, value), `${at}: expected ${String(operand)}`),
  required: (operand, value, at) =>
    listOf(operand).flatMap((name) =>
      when(isObject(value) && value[String(name)] !== undefined, `${at}: no ${String(name)}`),
    ),
  properties: (operand, value, at, check) =>
    entriesOf(operand).flatMap(([name, schema]) =>
      isObject(value) && value[name] !== undefined
        ? check(schema, value[name], `${at}.${name}`)
        : [],
    ),
  items: (operand, value, at, check) =>
    listOf(value).flatMap((item, index) => check(operand, item, `${at}[${index}]`)),
  prefixItems: (operand, value, at, check) =>
    listOf(operand).flatMap((schema, index) =>
      check(schema, listOf(value)[index], `${at}[${index}]`),
    ),
  allOf: (operand, value, at, check) =>
    listOf(operand).flatMap((schema) => check(schema, value, at, true)),
  anyOf: (operand, value, at, check) => {
    const outcomes = listOf(operand).map((schema) => check(schema, value, at));
    return outcomes.some((problems) => problems.length === 0) ? [] : outcomes.flat();
  },
  oneOf: (operand, value, at, check) => {
    const fits = listOf(operand).filter((schema) => check(schema, value, at).length === 0);
    return when(fits.length === 1, `${at}: fits ${fits.length} schemas`);
  },
  minimum: (operand, value, at) => when(Number(value) >= Number(operand), `${at}: too small`),
  maximum: (operand, value, at) => when(Number(value) <= Number(operand), `${at}: too large`),
  minItems: (operand, value, at) =>
    when(listOf(value).length >= Number(operand), `${at}: too few items`),
  maxItems: (operand, value, at) =>
    when(listOf(value).length <= Number(operand), `${at}: too many items`),
  minLength: (operand, value, at) =>
    when(String(value).length >= Number(operand), `${at}: too short`),
  maxLength: (operand, value, at) =>
    when(String(value).length <= Number(operand), `${at}: too long`),
  pattern: (operand, value, at) =>
    when(
      typeof value !== 'string' || new RegExp(String(operand), 'u').test(value),
      `${at}: expected ${String(operand)}`,
    ),
  format: (operand, value, at) =>
    when(operand !== 'date-time' || !Number.isNaN(Date.parse(String(value))), `${at}: no time`),
};
const annotations = new Set(['description', 'default', 'examples', 'additionalProperties', '$ref']);

/**
 * What of a value a schema of an OpenAPI document does not say: also properties that it has no word for, which JSON
 * Schema itself would let pass.
 *
 * @param document holds `components.schemas`
 */
export function problemsOf(document: unknown, schema: unknown, value: unknown): readonly string[] {
  const check: Check = (node, one, at, isPart = false) => {
    if (!isObject(node)) throw new Error(`expected a schema for ${at}`);
    const reference = node['$ref'];
    const target = reference === undefined ? undefined : resolve(document, String(reference));
    return [
      ...(target === undefined ? [] : check(target, one, at, isPart)),
      ...Object.entries(node).flatMap(([keyword, operand]) => {
        if (annotations.has(keyword)) return [];
        const known = checks[keyword];
        if (known === undefined) throw new Error(`${at}: no check for ${keyword}`);
        return known(operand, one, at, check);
      }),
      ...(isPart ? [] : additional(node, one, at, check)),
    ];
  };
  return check(schema, value, 'value');
}

function additional(
  { properties, additionalProperties }: Readonly<Record<string, unknown>>,
  value: unknown,
  at: string,
  check: Check,
): readonly string[] {
  if (!isObject(properties) || !isObject(value)) return [];
  const others = Object.entries(value).filter(
    ([name, one]) => one !== undefined && !Object.hasOwn(properties, name),
  );
  return isObject(additionalProperties)
    ? others.flatMap(([name, one]) => check(additionalProperties, one, `${at}.${name}`))
    : others.map(([name]) => `${at}: ${name} has no word in the schema`);
}

/** What a `#/...` reference means. */
export function resolve(document: unknown, reference: string): unknown {
  const parts = reference.replace(/^#\//, '').split('/');
  return parts.reduce<unknown>((node, part) => (isObject(node) ? node[part] : undefined), document);
}
