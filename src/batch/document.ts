import * as v from 'valibot';
import { ServingError } from '../errors.ts';
import type { ObjectStore } from './object-store.ts';

/** JSON documents of a job in the results bucket and in messages: written by us, and parsed all the same. */

export function encodeDocument(document: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`);
}

/**
 * @param label what the document is, such as `plan.json`
 * @throws ServingError INTERNAL when it is not of the schema: someone else wrote it, or an older version
 */
export function parseDocument<Schema extends v.GenericSchema>(
  schema: Schema,
  text: string | Uint8Array,
  label: string,
): v.InferOutput<Schema> {
  let document: unknown;
  try {
    document = JSON.parse(typeof text === 'string' ? text : Buffer.from(text).toString());
  } catch (cause) {
    throw new ServingError('INTERNAL', `${label}: expected JSON`, { cause });
  }
  const result = v.safeParse(schema, document);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = v.getDotPath(issue) ?? 'the document';
  throw new ServingError('INTERNAL', `${label}: ${field}: ${issue.message}`);
}

/** undefined when there is no such document. */
export async function readDocument<Schema extends v.GenericSchema>(
  store: ObjectStore,
  key: string,
  schema: Schema,
): Promise<v.InferOutput<Schema> | undefined> {
  const object = await store.get(key);
  if (object === undefined) return undefined;
  return parseDocument(schema, object.body, key.slice(key.lastIndexOf('/') + 1));
}

/** Writes a document unless there is one; what is there afterwards. */
export async function decideDocument<Schema extends v.GenericSchema>(
  store: ObjectStore,
  key: string,
  schema: Schema,
  document: v.InferOutput<Schema>,
): Promise<{ readonly document: v.InferOutput<Schema>; readonly written: boolean }> {
  const options = { ifAbsent: true, contentType: 'application/json' };
  if ((await store.put(key, encodeDocument(document), options)) === 'written') {
    return { document, written: true };
  }
  const decided = await readDocument(store, key, schema);
  if (decided === undefined) {
    throw new ServingError('UNAVAILABLE', 'a document of the job vanished while it was read');
  }
  return { document: decided, written: false };
}
