import type { ServingError } from '../errors.ts';
import type { Departure } from './lease-cache.ts';
import type { PinnedModel } from './reference.ts';
import type { LoadedVersion } from './version-loader.ts';

/** Things that happen to models in this environment; told to whoever counts and logs. */
export interface ModelEvents {
  loaded(version: LoadedVersion): void;
  /** A session gave its memory back: to make room, or because nobody can call it any more. */
  released(pinned: PinnedModel, departure: Departure): void;
  /** Told once for each load that failed, however many calls waited for it. */
  loadFailed(pinned: PinnedModel, reason: ServingError): void;
  /** A new version could not be loaded, and the one before it goes on serving. Told once for each load. */
  keptServing(pinned: PinnedModel, reason: ServingError): void;
  /** The repository could not be read anew, and what was known goes on serving. */
  staleCatalog(model: string, reason: unknown): void;
}
