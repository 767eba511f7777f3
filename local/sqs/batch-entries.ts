import { sqsBatchEntries } from '../../src/contract/limits.ts';
import { SqsError } from './errors.ts';
import { Fields } from './fields.ts';
import type { Service } from './service.ts';

/** One entry of a batch call. */
export interface BatchEntry {
  readonly id: string;
  readonly fields: Fields;
}

/** The entries of a batch call. @throws SqsError when the batch as a whole is refused */
export function parseEntries(request: Fields): readonly BatchEntry[] {
  const entries = request.list('Entries').map((value, index) => {
    const fields = new Fields(value, `Entries[${index}]`);
    return { id: fields.string('Id'), fields };
  });
  if (entries.length === 0) {
    throw new SqsError('EmptyBatchRequest', 'There should be at least one entry in the request.');
  }
  if (entries.length > sqsBatchEntries) {
    throw new SqsError(
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are ${sqsBatchEntries}. You have sent ${entries.length}.`,
    );
  }
  const ids = new Set<string>();
  for (const { id } of entries) {
    if (!/^[A-Za-z0-9_-]{1,80}$/.test(id)) {
      throw new SqsError(
        'InvalidBatchEntryId',
        'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
      );
    }
    if (ids.has(id)) throw new SqsError('BatchEntryIdsNotDistinct', `Id ${id} repeated.`);
    ids.add(id);
  }
  return entries;
}

/** Performs each entry by itself: one that fails leaves its neighbours alone. */
export async function eachEntry(
  { faults }: Service,
  operation: string,
  entries: readonly BatchEntry[],
  perform: (fields: Fields) => Promise<object>,
) {
  const outcomes = await Promise.all(
    entries.map(async ({ id, fields }) => {
      try {
        if (faults.entryFails(operation)) {
          throw new SqsError('InternalFailure', 'Injected fault: this entry failed.');
        }
        return { successful: { Id: id, ...(await perform(fields)) } };
      } catch (error) {
        if (!(error instanceof SqsError)) throw error;
        const { queryCode: Code, senderFault: SenderFault, message: Message } = error;
        return { failed: { Id: id, SenderFault, Code, Message } };
      }
    }),
  );
  return {
    Successful: outcomes.flatMap(({ successful }) => successful ?? []),
    Failed: outcomes.flatMap(({ failed }) => failed ?? []),
  };
}
