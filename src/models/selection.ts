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
 * shares, else the newest.
 *
 * @param random uniform in [0, 1)
 * @throws ServingError NOT_FOUND that lists what there is
 */
export function selectVersion(
  model: RepositoryModel,
  configuration: ModelConfiguration,
  requested: string | undefined,
  random: () => number,
): RepositoryVersion {
  const available = availableVersions(model, configuration);
  const newest = available[0];
  if (newest === undefined) throw nothingServable(model);
  const wanted = requested ?? drawByTraffic(configuration, random);
  if (wanted === undefined) return newest;
  const find = (name: string) => available.find(({ version }) => version === name);
  const target = configuration.aliases[wanted];
  const found = find(wanted) ?? (target === undefined ? undefined : find(target));
  if (found !== undefined) return found;
  const names = available.map(({ version }) => version).slice(0, 20);
  throw new ServingError(
    'NOT_FOUND',
    `model ${model.model} has no version or alias ${wanted}; it has ${names.join(', ')}`,
  );
}

function nothingServable(model: RepositoryModel): ServingError {
  const found = model.versions.flatMap(({ version, files }) =>
    files.map((file) => `${version}/${file.path}`),
  );
  const got = found.length === 0 ? 'no version folder' : found.slice(0, 5).join(', ');
  return new ServingError(
    'NOT_FOUND',
    `model ${model.model}: expected <version>/${modelFileName} in its folder, got ${got}`,
  );
}

function drawByTraffic(
  configuration: ModelConfiguration,
  random: () => number,
): string | undefined {
  if (configuration.traffic === undefined) return undefined;
  const shares = Object.entries(configuration.traffic);
  const total = shares.reduce((sum, [, share]) => sum + share, 0);
  let rest = random() * total;
  for (const [version, share] of shares) {
    rest -= share;
    if (rest < 0) return version;
  }
  return undefined;
}

/** The file that stands for a version's content: its manifest, or all files where it has none. */
function identity(version: RepositoryVersion): readonly RepositoryFile[] {
  const manifest = version.files.find((file) => file.path === manifestFileName);
  return manifest === undefined ? version.files : [manifest];
}

/** Names a version together with its exact content. */
export function pin(model: string, version: RepositoryVersion): PinnedModel {
  const hash = createHash('sha256').update(`${model}\n${version.version}\n`);
  const lines = identity(version).map(
    ({ path, sizeBytes, etag }) => `${etag} ${sizeBytes} ${path}\n`,
  );
  for (const line of lines.sort()) hash.update(line);
  return { model, version: version.version, fingerprint: hash.digest('hex') };
}
