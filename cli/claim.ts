import { randomUUID } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { claimFileName, versionPrefix } from '../src/contract/keys.ts';
import { cameSecond } from './s3-status.ts';

/** A version that is one publisher's alone until it is released. */
export interface Claim {
  release(): Promise<void>;
}

/** Claims a version that has no files yet; undefined when it has some, or another publisher was faster. */
export async function claimVersion(
  s3: S3Client,
  bucket: string,
  model: string,
  version: string,
): Promise<Claim | undefined> {
  const prefix = versionPrefix(model, version);
  const claim = { Bucket: bucket, Key: `${prefix}${claimFileName}` };
  const owner = randomUUID();
  try {
    await s3.send(new PutObjectCommand({ ...claim, Body: owner, IfNoneMatch: '*' }));
  } catch (thrown) {
    if (!cameSecond(thrown)) throw thrown;
    // The first answer may have got lost, and this be the SDK's second try.
    if ((await readText(s3, claim)) !== owner) return undefined;
  }
  const release = async () => {
    await s3.send(new DeleteObjectCommand(claim));
  };
  const listing = await s3.send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: 2 }),
  );
  if (listing.Contents?.length === 1) return { release };
  await release();
  return undefined;
}

async function readText(
  s3: S3Client,
  object: { readonly Bucket: string; readonly Key: string },
): Promise<string | undefined> {
  try {
    const { Body } = await s3.send(new GetObjectCommand(object));
    return await Body?.transformToString();
  } catch {
    // Whoever had it has released it.
    return undefined;
  }
}
