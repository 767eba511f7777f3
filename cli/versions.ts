import { paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { manifestFileName, modelFileName, modelPrefix } from '../src/contract/keys.ts';
import { isName } from '../src/contract/names.ts';

/** Version folders of a model, in S3's order of names. */
export interface Versions {
  /** Every folder, whatever is in it: their names are taken. */
  readonly taken: readonly string[];
  /** Those that can be called. */
  readonly published: readonly string[];
}

/** Looks at a model's folder; both lists are empty for a model that is not there. */
export async function listVersions(s3: S3Client, bucket: string, model: string): Promise<Versions> {
  const prefix = modelPrefix(model);
  const taken = new Set<string>();
  const published = new Set<string>();
  const pages = paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix });
  for await (const page of pages) {
    for (const { Key = '' } of page.Contents ?? []) {
      const [version = '', ...path] = Key.slice(prefix.length).split('/');
      if (path.length === 0 || !isName(version)) continue;
      taken.add(version);
      if (path.length > 1) continue;
      if (path[0] === modelFileName || path[0] === manifestFileName) published.add(version);
    }
  }
  return { taken: [...taken], published: [...published] };
}

/** One more than the highest number among them. */
export function nextVersion(versions: readonly string[]): string {
  const numbers = versions.filter((version) => /^[0-9]+$/.test(version)).map(Number);
  return `${Math.max(0, ...numbers) + 1}`;
}
