import * as v from 'valibot';
import type { JobKeys } from '../contract/job-keys.ts';
import { encodeDocument, readDocument } from './document.ts';
import { listAll, type ObjectStore } from './object-store.ts';
import type { ShardMessage } from './shard.ts';

/**
 * A record can kill the process (an integer division that overflows) or keep it busy for ever, and nothing in the
 * process can catch that. So the attempts at a shard after the first write down what they are about to run; an
 * attempt that finds such a note knows where its forerunner died, and runs that stretch in smaller windows, until
 * one record stands alone. A record that was alone at three deaths, and that no attempt has got past, costs itself and
 * no other.
 */
export const attemptNoteSchema = v.object({
  /** `ended` once the attempt has come to an end by itself: then it tells nothing. */
  phase: v.picklist(['loading', 'loaded', 'running', 'ended']),
  /** Records that are being run, from (inclusive) to (exclusive), counted within the shard. */
  from: v.number(),
  to: v.number(),
  /** Records that the attempt left out. */
  skipped: v.optional(v.array(v.number()), []),
});
export type AttemptNote = v.InferOutput<typeof attemptNoteSchema>;

/** Deaths alone after which a record is left out: one or two may have been the machine's. */
const deathsAlone = 3;
/** Deaths while the model was being loaded, and never one later, after which it is the model's fault. */
const deathsLoading = 4;
/** How much smaller the windows of a suspected stretch are than the stretch. */
const narrowing = 16;

/** What the attempts before this one tell. */
export interface Findings {
  /** Stretches in which a process died, smallest first. */
  readonly suspects: readonly { readonly from: number; readonly to: number }[];
  /** Records that are to be left out. */
  readonly poison: ReadonlySet<number>;
  /** Whether no process got beyond loading the model, however often it was tried. */
  readonly cannotLoad: boolean;
  /** Deaths in all. */
  readonly deaths: number;
}

export const noFindings: Findings = {
  suspects: [],
  poison: new Set(),
  cannotLoad: false,
  deaths: 0,
};

/** Reads what earlier attempts left behind. */
export async function readFindings(
  results: ObjectStore,
  keys: JobKeys,
  { shard, redrives }: ShardMessage,
): Promise<Findings> {
  const notes: AttemptNote[] = [];
  for await (const { key } of listAll(results, keys.attempts(shard.index, redrives))) {
    const note = await readDocument(results, key, attemptNoteSchema);
    if (note !== undefined && note.phase !== 'ended') notes.push(note);
  }
  return conclude(notes);
}

export function conclude(notes: readonly AttemptNote[]): Findings {
  const running = notes.filter(({ phase }) => phase === 'running');
  const alone = new Map<number, number>();
  for (const { from, to } of running) {
    if (to - from === 1) alone.set(from, (alone.get(from) ?? 0) + 1);
  }
  return {
    suspects: running
      .map(({ from, to }) => ({ from, to }))
      .sort((left, right) => left.to - left.from - (right.to - right.from)),
    poison: new Set(
      [...alone]
        .filter(([record, deaths]) => deaths >= deathsAlone && !isSurvived(running, record))
        .map(([record]) => record),
    ),
    cannotLoad: notes.length >= deathsLoading && notes.every(({ phase }) => phase === 'loading'),
    deaths: notes.length,
  };
}

/** Whether an attempt got past a record, so that what ended others when they were at it was something else. */
function isSurvived(running: readonly AttemptNote[], record: number): boolean {
  return running.some(({ from, skipped }) => from > record && !skipped.includes(record));
}

/**
 * How many records the window that begins with `record` may hold: few where a process died, and otherwise up to
 * the next stretch where one did, so that windows elsewhere are the ones they always were.
 */
export function windowLimit({ suspects, poison }: Findings, record: number): number {
  const suspect = suspects.find(
    ({ from, to }) => from <= record && record < to && !isSettled(from, to, poison),
  );
  if (suspect !== undefined) {
    const length = suspect.to - suspect.from;
    return Math.min(Math.max(1, Math.floor(length / narrowing)), suspect.to - record);
  }
  let limit = Number.POSITIVE_INFINITY;
  for (const { from, to } of suspects) {
    if (from > record && !isSettled(from, to, poison)) limit = Math.min(limit, from - record);
  }
  return limit;
}

/** A stretch of one record that is left out is no suspect any more. */
function isSettled(from: number, to: number, poison: ReadonlySet<number>): boolean {
  return to - from === 1 && poison.has(from);
}

/** What this attempt tells the next one, should there have to be one. */
export class AttemptNotes {
  readonly #results: ObjectStore;
  readonly #key: string;
  readonly #skipped: readonly number[];
  #written = false;

  /** @param poison what this attempt leaves out */
  constructor(
    results: ObjectStore,
    keys: JobKeys,
    message: ShardMessage,
    attempt: string,
    { poison }: Pick<Findings, 'poison'>,
  ) {
    this.#results = results;
    this.#skipped = [...poison];
    this.#key = `${keys.attempts(message.shard.index, message.redrives)}${attempt}.json`;
  }

  async loading(): Promise<void> {
    await this.#write({ phase: 'loading', from: 0, to: 0 });
  }

  async loaded(): Promise<void> {
    await this.#write({ phase: 'loaded', from: 0, to: 0 });
  }

  async running(from: number, to: number): Promise<void> {
    await this.#write({ phase: 'running', from, to });
  }

  /** Must be called however the attempt ends, for as long as the process lives. */
  async ended(): Promise<void> {
    if (this.#written) await this.#write({ phase: 'ended', from: 0, to: 0 });
  }

  async #write(note: Pick<AttemptNote, 'phase' | 'from' | 'to'>): Promise<void> {
    await this.#results.put(this.#key, encodeDocument({ ...note, skipped: this.#skipped }));
    this.#written = true;
  }
}
