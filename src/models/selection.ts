import { createHash } from 'node:crypto';
import { manifestFileName, modelFileName } from '../contract/keys.ts';
import { ServingError } from '../errors.ts';
import type { ModelConfiguration } from './configuration.ts';
import type { PinnedModel } from './reference.ts';
import type { RepositoryFile, RepositoryModel, RepositoryVersion } from './repository.ts';

/** Whether a folder can be served: a bare model file, or a manifest that says what to load. */
function isServable(version: RepositoryVersion): boolean {
  return version.files.some(
    (file) => file.path === modelFileName || file.path === manifestFileName,
  );
}

const isNumber = (version: string) => /^(0|[1-9][0-9]*)$/.test(version);

/** Newest first: numbers by value, and after them the other names in reverse order. */
function newestFirst(left: RepositoryVersion, right: RepositoryVersion): number {
  const leftIsNumber = isNumber(left.version);
  const rightIsNumber = isNumber(right.version);
  if (leftIsNumber && rightIsNumber) {
    return BigInt(left.version) < BigInt(right.version) ? 1 : -1;
  }
  if (leftIsNumber !== rightIsNumber) return leftIsNumber ? -1 : 1;
  return left.version < right.version ? 1 : -1;
}

/** Versions that may be called under the model's version policy, newest first. */
export function availableVersions(
  model: RepositoryModel,
  configuration: ModelConfiguration,
): readonly RepositoryVersion[] {
  const servable = model.versions.filter(isServable).sort(newestFirst);
  const policy = configuration.versionPolicy;
  if ('latest' in policy) return servable.slice(0, policy.latest.numVersions);
  if ('specific' in policy) {
    return servable.filter(({ version }) => policy.specific.versions.includes(version));
  }
  return servable;
}

/**
 * The version that a call gets: the one it names (itself or by alias), else one drawn by the configuration's traffic
 * shares, else the newest. Of the traffic, the shares of versions that cannot be called go to the others: what a share
 * lost by a version that was taken away, or was not published yet, no caller should pay for.
 *
 * @param random uniform in [0, 1)
 * @throws ServingError NOT_FOUND that lists what there is; MODEL_UNAVAILABLE when the configuration leaves nothing to call;
 *   INVALID_REQUEST for a pipeline
 */
export function selectVersion(
  model: RepositoryModel,
  configuration: ModelConfiguration,
  requested: string | undefined,
  random: () => number,
): RepositoryVersion {
  const available = availableVersions(model, configuration);
  const newest = available[0];
  if (newest === undefined) {
    throw configuration.task?.type === 'pipeline'
      ? takesNoTensors(model)
      : nothingServable(model, configuration);
  }
  if (requested !== undefined) {
    const found = find(available, configuration, requested);
    if (found === undefined) throw noSuchVersion(model, configuration, available, requested);
    return found;
  }
  if (configuration.traffic === undefined) return newest;
  const drawn = drawByTraffic(available, configuration, configuration.traffic, random);
  if (drawn !== undefined) return drawn;
  throw new ServingError(
    'MODEL_UNAVAILABLE',
    `model ${model.model}: config.json: traffic: expected a version or alias that can be called, ` +
      `got ${listNames(Object.keys(configuration.traffic))}; it has ${namesOf(available)}`,
  );
}

/** A version by its own name or, where no version has it, by alias. */
function find(
  available: readonly RepositoryVersion[],
  { aliases }: ModelConfiguration,
  name: string,
): RepositoryVersion | undefined {
  const byName = (wanted: string) => available.find(({ version }) => version === wanted);
  const target = Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  return byName(name) ?? (target === undefined ? undefined : byName(target));
}

function drawByTraffic(
  available: readonly RepositoryVersion[],
  configuration: ModelConfiguration,
  traffic: Readonly<Record<string, number>>,
  random: () => number,
): RepositoryVersion | undefined {
  const shares = Object.entries(traffic).flatMap(([name, share]) => {
    const version = share > 0 ? find(available, configuration, name) : undefined;
    return version === undefined ? [] : [{ version, share }];
  });
  const total = shares.reduce((sum, { share }) => sum + share, 0);
  let rest = random() * total;
  for (const { version, share } of shares) {
    rest -= share;
    if (rest < 0) return version;
  }
  // What rounding leaves over is the last one's.
  return shares.at(-1)?.version;
}

function noSuchVersion(
  { model }: RepositoryModel,
  { aliases }: ModelConfiguration,
  available: readonly RepositoryVersion[],
  name: string,
): ServingError {
  const problem = Object.hasOwn(aliases, name)
    ? `: alias ${name} points at version ${aliases[name]}, which cannot be called`
    : ` has no version or alias ${name}`;
  return new ServingError('NOT_FOUND', `model ${model}${problem}; it has ${namesOf(available)}`);
}

function takesNoTensors({ model }: RepositoryModel): ServingError {
  return new ServingError(
    'INVALID_REQUEST',
    `model ${model} is a pipeline, which takes no tensors: expected a picture on its predict route`,
  );
}

function nothingServable(
  { model, versions }: RepositoryModel,
  { versionPolicy }: ModelConfiguration,
): ServingError {
  const servable = versions.filter(isServable);
  if ('specific' in versionPolicy && servable.length > 0) {
    return new ServingError(
      'MODEL_UNAVAILABLE',
      `model ${model}: config.json: versionPolicy: expected versions that there are, ` +
        `got ${listNames(versionPolicy.specific.versions)}; it has ${namesOf(servable)}`,
    );
  }
  const found = versions.flatMap(({ version, files }) =>
    files.map((file) => `${version}/${file.path}`),
  );
  const got = found.length === 0 ? 'no version folder' : found.slice(0, 5).join(', ');
  return new ServingError(
    'NOT_FOUND',
    `model ${model}: expected <version>/${modelFileName} in its folder, got ${got}`,
  );
}

function namesOf(versions: readonly RepositoryVersion[]): string {
  return listNames(versions.map(({ version }) => version));
}

/** As many as one reads. */
function listNames(names: readonly string[]): string {
  return names.slice(0, 20).join(', ');
}

/** The file that stands for a version's content: its manifest, or all files where it has none. */
function identity(version: RepositoryVersion): readonly RepositoryFile[] {
  const manifest = version.files.find((file) => file.path === manifestFileName);
  return manifest === undefined ? version.files : [manifest];
}

const pinned = new WeakMap<RepositoryVersion, PinnedModel>();

/** Names a version together with its exact content. */
export function pin(model: string, version: RepositoryVersion): PinnedModel {
  const known = pinned.get(version);
  if (known?.model === model) return known;
  const computed = computePin(model, version);
  pinned.set(version, computed);
  return computed;
}

function computePin(model: string, version: RepositoryVersion): PinnedModel {
  const hash = createHash('sha256').update(`${model}\n${version.version}\n`);
  const lines = identity(version).map(
    ({ path, sizeBytes, etag }) => `${etag} ${sizeBytes} ${path}\n`,
  );
  for (const line of lines.sort()) hash.update(line);
  return { model, version: version.version, fingerprint: hash.digest('hex') };
}
