import { isName } from './names.ts';

/**
 * Object keys, built and parsed in one place.
 *
 * models bucket:  <model>/config.json, <model>/<version>/{model.onnx,manifest.json,...}
 * jobs bucket:    in/<model>[@<version or alias>]/<path>; elsewhere what jobs name
 * results bucket: jobs/<job id>/...
 */
export const jobsInputPrefix = 'in/';
export const jobsResultPrefix = 'jobs/';
export const modelFileName = 'model.onnx';
export const manifestFileName = 'manifest.json';
export const configFileName = 'config.json';
/** Below a version: keeps other publishers off while its files are written. */
export const claimFileName = '.publishing';
export const labelsFileName = 'labels.txt';
/** Below a version: artefacts that were optimised offline, a folder for each target. */
export const preparedPrefix = 'prepared/';

export function modelPrefix(model: string): string {
  return `${model}/`;
}

export function versionPrefix(model: string, version: string): string {
  return `${model}/${version}/`;
}

export function modelConfigKey(model: string): string {
  return `${model}/${configFileName}`;
}

/** What an upload's key says: which model, which version or alias, and the rest of the path. */
export interface JobInputKey {
  readonly model: string;
  /** Version or alias after `@`. */
  readonly version: string | undefined;
  /** The key after the model's folder, not empty. */
  readonly path: string;
}

/** Parses `in/<model>[@<version>]/<path>`; undefined when the key is not of that form. */
export function parseJobInputKey(key: string): JobInputKey | undefined {
  if (!key.startsWith(jobsInputPrefix)) return undefined;
  const rest = key.slice(jobsInputPrefix.length);
  const slash = rest.indexOf('/');
  if (slash <= 0 || slash === rest.length - 1) return undefined;
  const folder = rest.slice(0, slash);
  const at = folder.lastIndexOf('@');
  const model = at < 0 ? folder : folder.slice(0, at);
  const version = at < 0 ? undefined : folder.slice(at + 1);
  if (!isName(model) || (version !== undefined && !isName(version))) return undefined;
  return { model, version, path: rest.slice(slash + 1) };
}

/** The key of an S3 notification as the object has it: there `+` is a space and the rest percent-encoded. */
export function decodeNotificationKey(encoded: string): string {
  return decodeURIComponent(encoded.replaceAll('+', ' '));
}
