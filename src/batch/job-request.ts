import * as v from 'valibot';
import { isName } from '../contract/names.ts';
import { invalidRequest } from '../errors.ts';
import { describe, isObject, parseObject, quote } from '../protocol/fields.ts';
import { parseJsonDocument } from '../protocol/json-document.ts';
import { inputFormats, outputFormats } from './job.ts';

/** Messages say what is expected; a refusal puts the field before them, and behind them what came. */
const name = v.pipe(v.string('a name'), v.check(isName, 'a name'));
const key = sized('a key of 1 to 1024 characters', 1024);
const someKeys = 'an array of 1 to 1000 keys';
const flag = v.boolean('true or false');
const count = whole(0);
const positive = whole(1);
const percent = v.pipe(
  v.number('a number from 0 to 100'),
  v.minValue(0, 'a number from 0 to 100'),
  v.maxValue(100, 'a number from 0 to 100'),
);

const inputOptions = { format: v.optional(oneOf(inputFormats)) };

/** The ways to say what a job reads, each by the field that only it has. */
const inputs = {
  key: fields({ ...inputOptions, key }),
  keys: fields({ ...inputOptions, keys: v.pipe(list(key, someKeys), v.maxLength(1000, someKeys)) }),
  /** Every object below it. */
  prefix: fields({ ...inputOptions, prefix: key }),
  /** An object that names one key a line. */
  list: fields({ ...inputOptions, list: key }),
  /** The failed records of another job. */
  errorsOf: fields({ errorsOf: v.string('the id of a job') }),
};

/** What is asked of a transform job: the document of `*.job.json` and of `POST /v2/jobs`. */
export const jobRequestSchema = fields({
  $schema: v.optional(v.string('a string')),
  model: name,
  /** Version or alias. @default what the model's policy picks */
  version: v.optional(name),
  /** Keys are those of the jobs bucket. */
  input: v.union(
    [inputs.key, inputs.keys, inputs.prefix, inputs.list, inputs.errorsOf],
    `an object with exactly one of ${Object.keys(inputs).join(', ')}`,
  ),
  output: v.optional(
    fields({
      format: v.optional(oneOf(outputFormats), 'jsonl'),
      merge: v.optional(flag, false),
      joinInput: v.optional(flag, false),
      names: v.optional(
        v.pipe(
          list(v.string('the name of an output'), 'an array of at least one name'),
          v.check((names) => new Set(names).size === names.length, 'each name once'),
        ),
      ),
    }),
    {},
  ),
  /** Failed records after which the job ends. @default all of them are tolerated */
  maxFailedRecords: v.optional(count),
  maxFailedPercent: v.optional(percent),
  shardBytes: v.optional(positive),
  shardRecords: v.optional(positive),
  /** Rows of one run. @default measured */
  rowsPerRun: v.optional(v.pipe(positive, v.maxValue(65_536, 'a whole number of at most 65536'))),
  /** Two requests with the same token are one job. */
  token: v.optional(sized('a string of 1 to 200 characters', 200)),
});
export type JobRequest = v.InferOutput<typeof jobRequestSchema>;

function fields<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.strictObject(entries, ({ expected }) =>
    expected === 'never' ? `only ${Object.keys(entries).join(', ')}` : 'an object',
  );
}

function sized(expected: string, characters: number) {
  return v.pipe(v.string(expected), v.minLength(1, expected), v.maxLength(characters, expected));
}

function whole(minimum: number) {
  const expected = `a whole number of at least ${minimum}`;
  return v.pipe(v.number(expected), v.safeInteger(expected), v.minValue(minimum, expected));
}

function list<const Item extends v.GenericSchema>(item: Item, expected: string) {
  return v.pipe(v.array(item, expected), v.minLength(1, expected));
}

function oneOf<const Options extends readonly string[]>(options: Options) {
  return v.picklist(options, `one of ${options.join(', ')}`);
}

/** @throws ServingError INVALID_REQUEST that names the field */
export function parseJobRequest(document: unknown): JobRequest {
  const result = v.safeParse(jobRequestSchema, parseObject(document, 'job'));
  if (result.success) return result.output;
  const [issue] = result.issues;
  if (issue.type === 'union') refuseInput(issue.input);
  throw refusal(issue, []);
}

/** @throws ServingError INVALID_REQUEST for an input that is of one kind, but not as that should be */
function refuseInput(input: unknown): void {
  if (!isObject(input)) return;
  const [kind, ...others] = Object.entries(inputs).filter(([field]) => Object.hasOwn(input, field));
  if (kind === undefined || others.length > 0) return;
  const result = v.safeParse(kind[1], input);
  if (!result.success) throw refusal(result.issues[0], ['input']);
}

function refusal({ expected, message, input, path }: Issue, above: readonly string[]) {
  const fields = [...above, ...(path ?? []).map(({ key }) => String(key))];
  const field = (names: readonly string[]) => (names.length === 0 ? 'job' : names.join('.'));
  // The path of an object's own issue goes on to the field that should not be there, or that is not.
  const last = fields.at(-1) ?? '';
  if (expected === 'never') return invalidRequest(field(fields.slice(0, -1)), message, quote(last));
  if (expected === `"${last}"`) return invalidRequest(field(fields), 'a value', 'nothing');
  return invalidRequest(field(fields), message, describe(input));
}

type Issue = Pick<v.BaseIssue<unknown>, 'expected' | 'message' | 'input' | 'path'>;

/** @throws ServingError INVALID_REQUEST */
export function parseJobRequestText(text: string | Uint8Array): JobRequest {
  const json = typeof text === 'string' ? text : Buffer.from(text).toString();
  return parseJobRequest(parseJsonDocument(json, 'job').root);
}
