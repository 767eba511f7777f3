/** What a caller names: a model, and perhaps a version or an alias of it. */
export interface ModelReference {
  readonly model: string;
  /** Version or alias; undefined for what the model's version policy picks. */
  readonly version: string | undefined;
}

/** One version of one model with its exact content: two equal fingerprints serve equal predictions. */
export interface PinnedModel {
  readonly model: string;
  readonly version: string;
  /** sha256 over the version's manifest, or over the ETags of its files where it has none. */
  readonly fingerprint: string;
}
