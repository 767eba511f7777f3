import { jobPlace } from '../contract/job-keys.ts';
import { encodeFigures, type Figures, parseFigures } from './figures.ts';
import type { Job } from './job.ts';
import type { ObjectStore } from './object-store.ts';

/**
 * Marks of a job in the list of jobs: objects of no bytes whose names say all. Each is a function of what was
 * written once, so that writing it again changes nothing. A mark is written before what it tells of is acted on:
 *
 *     created,<model>,<version>,<source>      each percent-encoded; `created` alone when they are too long for a key
 *     refused,<model>                         it never became a job
 *     troubled                                it failed, was cancelled, or has shards that were given up: look closer
 *     completed,<shards>,<figures>            the manifest is there
 */
export type JobMark =
  | { readonly kind: 'created'; readonly words: JobWords | undefined }
  | { readonly kind: 'refused'; readonly model: string | undefined }
  | { readonly kind: 'troubled' }
  | { readonly kind: 'completed'; readonly shards: number; readonly figures: Figures };

/** What a job was made of. */
export interface JobWords {
  readonly model: string;
  readonly version: string;
  /** What asked for it: the key of the upload, `api` or `request`. */
  readonly source: string;
}

/** A key has 1,024 bytes, and a place before the mark takes up to 111 of them. */
const maximumMarkBytes = 900;

export async function markCreated(results: ObjectStore, job: Job): Promise<void> {
  const { model, version } = job.model;
  const words = ['created', model, version, job.source].map(encodeURIComponent).join();
  await mark(results, job, words.length > maximumMarkBytes ? 'created' : words);
}

export async function markTroubled(results: ObjectStore, job: Job): Promise<void> {
  await mark(results, job, 'troubled');
}

export async function markCompleted(
  results: ObjectStore,
  job: Job,
  shards: number,
  figures: Figures,
): Promise<void> {
  await mark(results, job, `completed,${shards},${encodeFigures(figures)}`);
}

export async function markRefused(
  results: ObjectStore,
  refused: {
    readonly jobId: string;
    readonly refusedAtMs: number;
    readonly model: string | undefined;
  },
): Promise<void> {
  const { jobId, refusedAtMs, model } = refused;
  const words = encodeURIComponent(model ?? '');
  const name = words === '' || words.length > maximumMarkBytes ? 'refused' : `refused,${words}`;
  await mark(results, { jobId, createdAtMs: refusedAtMs }, name);
}

async function mark(
  results: ObjectStore,
  { jobId, createdAtMs }: Pick<Job, 'jobId' | 'createdAtMs'>,
  name: string,
): Promise<void> {
  await results.put(`${jobPlace(createdAtMs, jobId)}${name}`, '', { ifAbsent: true });
}

/** undefined for a name that is no mark. */
export function parseJobMark(name: string): JobMark | undefined {
  const [kind, ...words] = decodeWords(name);
  switch (kind) {
    case 'created': {
      const [model, version, source] = words;
      if (model === undefined || version === undefined || source === undefined) {
        return { kind, words: undefined };
      }
      return { kind, words: { model, version, source } };
    }
    case 'refused':
      return { kind, model: words[0] };
    case 'troubled':
      return { kind };
    case 'completed': {
      const figures = parseFigures(words[1] ?? '');
      return figures === undefined ? undefined : { kind, shards: Number(words[0]), figures };
    }
    default:
      return undefined;
  }
}

/** None of a name with a percent sign that stands for nothing. */
function decodeWords(name: string): readonly string[] {
  try {
    return name.split(',').map(decodeURIComponent);
  } catch {
    return [];
  }
}
