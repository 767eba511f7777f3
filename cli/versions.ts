import { paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { modelPrefix } from '../src/contract/keys.ts';
import { isName } from '../src/contract/names.ts';

/** Names of a model's version folders; empty for a model that is not there. */
export async function listVersions(s3: S3Client, bucket: string, model: string): Promise<string[]> {
  const prefix = modelPrefix(model);
  const versions: string[] = [];
  const pages = paginateListObjectsV2(
    { client: s3 },
    { Bucket: bucket, Prefix: prefix, Delimiter: '/' },
  );
  for await (const page of pages) {
    for (const { Prefix } of page.CommonPrefixes ?? []) {
      const version = Prefix?.slice(prefix.length, -1);
      if (version !== undefined && isName(version)) versions.push(version);
    }
  }
  return versions;
}

/** One more than the highest number among them. */
export function nextVersion(versions: readonly string[]): string {
  const numbers = versions.filter((version) => /^[0-9]+$/.test(version)).map(Number);
  return `${Math.max(0, ...numbers) + 1}`;
}
