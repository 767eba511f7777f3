/**
 * Which messages a function's answer leaves in the queue, with ReportBatchItemFailures.
 * An empty answer, `null` and an empty or absent list are a complete success. An answer that is not JSON or
 * not of the form, and an identifier that is empty, `null`, under another name or not of this batch, are a
 * complete failure. Source: Lambda developer guide, "services-sqs-errorhandling".
 *
 * @param payload the function's return value as JSON text
 * @returns the ids to keep, or why all of them are kept
 */
export function failedMessageIds(
  payload: string,
  messageIds: ReadonlySet<string>,
): ReadonlySet<string> | { readonly invalid: string } {
  if (payload.trim() === '') return new Set();
  let answer: unknown;
  try {
    answer = JSON.parse(payload);
  } catch {
    return { invalid: 'the answer is not JSON' };
  }
  if (answer === null) return new Set();
  if (typeof answer !== 'object' || Array.isArray(answer)) {
    return { invalid: 'the answer is not an object' };
  }
  const failures: unknown = 'batchItemFailures' in answer ? answer.batchItemFailures : null;
  if (failures === null) return new Set();
  if (!Array.isArray(failures)) return { invalid: 'batchItemFailures is not a list' };
  const failed = new Set<string>();
  for (const [index, failure] of failures.entries()) {
    const id = itemIdentifier(failure);
    if (id === undefined || !messageIds.has(id)) {
      const got = JSON.stringify(failure) ?? 'undefined';
      return { invalid: `batchItemFailures[${index}] names no message of the batch: ${got}` };
    }
    failed.add(id);
  }
  return failed;
}

function itemIdentifier(failure: unknown): string | undefined {
  if (typeof failure !== 'object' || failure === null || !('itemIdentifier' in failure)) {
    return undefined;
  }
  return typeof failure.itemIdentifier === 'string' ? failure.itemIdentifier : undefined;
}
