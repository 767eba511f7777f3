import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { modelConfigKey } from '../src/contract/keys.ts';
import { isName } from '../src/contract/names.ts';
import { parseModelConfiguration } from '../src/models/configuration.ts';
import { cameSecond, statusOf } from './s3-status.ts';
import { UsageError } from './usage-error.ts';
import { listVersions } from './versions.ts';

export interface AliasOptions {
  readonly bucket: string;
  readonly model: string;
  readonly alias: string;
  readonly version: string;
}

/** Other writers that an alias gives way to before it gives up. */
const maximumAttempts = 10;

/**
 * Points an alias at a version, by a conditional write of the model's config.json: two that write at once both
 * take effect, and neither undoes the other.
 *
 * @returns the version that the alias pointed at before
 * @throws UsageError when there is no such version; ServingError when the config.json that is there is refused
 */
export async function moveAlias(s3: S3Client, options: AliasOptions): Promise<string | undefined> {
  const { bucket, model, alias, version } = options;
  if (!isName(alias)) throw new UsageError(`alias: expected a name, got ${JSON.stringify(alias)}`);
  const { published } = await listVersions(s3, bucket, model);
  if (!published.includes(version)) {
    throw new UsageError(
      `${model} has no version ${version}; it has ${published.join(', ') || 'none'}`,
    );
  }
  for (let attempt = 1; attempt <= maximumAttempts; attempt++) {
    const { text, etag } = await readConfiguration(s3, bucket, model);
    const { aliases } = await parseModelConfiguration(model, text);
    const document: Record<string, unknown> = JSON.parse(text);
    const changed = JSON.stringify(
      { ...document, aliases: { ...aliases, [alias]: version } },
      undefined,
      2,
    );
    if (await writeConfiguration(s3, bucket, model, changed, etag)) return aliases[alias];
  }
  throw new UsageError(
    `${model}: config.json was changed by others ${maximumAttempts} times; try again`,
  );
}

async function readConfiguration(
  s3: S3Client,
  bucket: string,
  model: string,
): Promise<{ readonly text: string; readonly etag: string | undefined }> {
  try {
    const { Body, ETag } = await s3.send(
      new GetObjectCommand({ Bucket: bucket, Key: modelConfigKey(model) }),
    );
    // The decoder leaves out the byte order mark that Windows' editors write.
    const text = new TextDecoder().decode(await Body?.transformToByteArray());
    return { text, etag: ETag };
  } catch (thrown) {
    if (statusOf(thrown) !== 404) throw thrown;
    return { text: '{}', etag: undefined };
  }
}

/** @returns false when somebody else wrote it since it was read */
async function writeConfiguration(
  s3: S3Client,
  bucket: string,
  model: string,
  text: string,
  etag: string | undefined,
): Promise<boolean> {
  try {
    await s3.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: modelConfigKey(model),
        Body: text,
        ContentType: 'application/json',
        ...(etag === undefined ? { IfNoneMatch: '*' } : { IfMatch: etag }),
      }),
    );
    return true;
  } catch (thrown) {
    if (cameSecond(thrown)) return false;
    throw thrown;
  }
}
