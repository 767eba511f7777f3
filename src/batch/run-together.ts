import { ServingError } from '../errors.ts';
import { countRows, splitTensors, stackingKey, stackTensors } from '../inference/stacking.ts';
import type { Session } from '../models/session.ts';
import type { Tensor } from '../protocol/tensor.ts';

/** A record ready to run: its tensors in the model's own order of inputs, and the outputs wanted. */
export interface Runnable {
  readonly inputs: readonly Tensor[];
  readonly outputNames: readonly string[];
}

/** Outputs, or why the model refuses the record. */
export type RunOutcome = readonly Tensor[] | ServingError;

/** How many rows a micro-batch may have; 1 runs every record by itself. */
export interface MicroBatching {
  readonly rowsPerRun: number;
}

/** Input bytes of one run: beyond this no model gains by more rows, and memory is held twice while they are stacked. */
const maximumRunBytes = 64 * 1024 * 1024;

/**
 * Runs records in micro-batches and gives each its own outcome, in the order of the records. Records that can be
 * stacked are put together even when others stand between them; how they are put together depends on nothing
 * but the records, so a retry computes the same bits. When the model refuses a micro-batch its halves are tried,
 * down to the records that it refuses by themselves.
 *
 * @throws what `session.run` throws when it is not a refusal of the values
 */
export async function runTogether(
  session: Session,
  records: readonly Runnable[],
  { rowsPerRun }: MicroBatching,
): Promise<RunOutcome[]> {
  const outcomes = new Array<RunOutcome>(records.length);
  for (const group of groupRecords(records, rowsPerRun)) {
    const members = group.map((index) => records[index]).filter((record) => record !== undefined);
    const results = await runGroup(session, members);
    for (const [position, index] of group.entries()) {
      const outcome = results[position];
      if (outcome !== undefined) outcomes[index] = outcome;
    }
  }
  return outcomes;
}

/** Places of the records that share a run, run by run. */
function groupRecords(records: readonly Runnable[], rowsPerRun: number): number[][] {
  const groups: number[][] = [];
  const open = new Map<string, { readonly group: number[]; rows: number; bytes: number }>();
  for (const [index, record] of records.entries()) {
    const rows = rowsPerRun > 1 ? countRows(record.inputs) : undefined;
    if (rows === undefined) {
      groups.push([index]);
      continue;
    }
    const key = `${record.outputNames.join('\u0000')}\u0001${stackingKey(record.inputs)}`;
    const bytes = record.inputs.reduce((sum, { data }) => sum + sizeOf(data), 0);
    const last = open.get(key);
    const fits =
      last !== undefined && last.rows + rows <= rowsPerRun && last.bytes + bytes <= maximumRunBytes;
    if (fits) {
      last.group.push(index);
      last.rows += rows;
      last.bytes += bytes;
    } else {
      const group = [index];
      groups.push(group);
      open.set(key, { group, rows, bytes });
    }
  }
  return groups;
}

/** Bytes of elements; of strings, their characters. */
export function sizeOf(data: Tensor['data']): number {
  return Array.isArray(data) ? data.reduce((sum, text) => sum + text.length, 0) : data.byteLength;
}

async function runGroup(session: Session, records: readonly Runnable[]): Promise<RunOutcome[]> {
  const [first] = records;
  if (first === undefined) return [];
  try {
    const outputs = await session.run(
      stackTensors(records.map(({ inputs }) => inputs)),
      first.outputNames,
    );
    if (records.length === 1) return [outputs];
    const split = splitTensors(
      outputs,
      records.map(({ inputs }) => countRows(inputs) ?? 0),
    );
    if (split !== undefined) return split;
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown;
    if (records.length === 1) return [thrown];
  }
  // One of them spoils it for all, or the model's rows are not what its metadata says: find out by halves.
  const middle = Math.ceil(records.length / 2);
  return [
    ...(await runGroup(session, records.slice(0, middle))),
    ...(await runGroup(session, records.slice(middle))),
  ];
}

/** Whether the model refuses these values, now and whenever they come again. */
function isRefusal(thrown: unknown): thrown is ServingError {
  return thrown instanceof ServingError && thrown.code === 'INVALID_REQUEST';
}
