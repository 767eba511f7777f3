import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { configFileName, modelPrefix, versionPrefix } from '../../contract/keys.ts';
import { isName } from '../../contract/names.ts';
import { ServingError } from '../../errors.ts';
import type { FileDigests } from '../../models/manifest.ts';
import type {
  ModelRepository,
  RepositoryFile,
  RepositoryModel,
  RepositoryVersion,
} from '../../models/repository.ts';
import { isNotFound, s3Status, storageUnavailable } from './failure.ts';
import { downloadRanged } from './ranged-download.ts';

/** A model's folder is a handful of versions of a handful of files; past this something else lies there. */
const maximumListedFiles = 20_000;
/** config.json and manifest.json are read whole and parsed beside the calls. */
const maximumTextBytes = 8 * 1024 * 1024;

/** The model repository in an S3 bucket: `<model>/config.json`, `<model>/<version>/<files>`. */
export class S3ModelRepository implements ModelRepository {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  async list(): Promise<readonly string[]> {
    const models: string[] = [];
    try {
      const pages = paginateListObjectsV2(
        { client: this.#client },
        { Bucket: this.#bucket, Delimiter: '/' },
      );
      for await (const page of pages) {
        for (const { Prefix } of page.CommonPrefixes ?? []) {
          const model = Prefix?.slice(0, -1);
          if (model !== undefined && isName(model)) models.push(model);
        }
      }
    } catch (cause) {
      throw storageUnavailable('model repository', cause);
    }
    return models;
  }

  async describe(model: string): Promise<RepositoryModel> {
    const prefix = modelPrefix(model);
    const files: RepositoryFile[] = [];
    try {
      const pages = paginateListObjectsV2(
        { client: this.#client },
        { Bucket: this.#bucket, Prefix: prefix },
      );
      for await (const page of pages) {
        for (const { Key, Size, ETag } of page.Contents ?? []) {
          if (Key === undefined || Size === undefined || ETag === undefined) continue;
          files.push({ path: Key.slice(prefix.length), sizeBytes: Size, etag: ETag });
        }
        if (files.length > maximumListedFiles) {
          throw new ServingError(
            'MODEL_UNAVAILABLE',
            `model ${model}: expected at most ${maximumListedFiles} files in its folder, got more`,
          );
        }
      }
    } catch (cause) {
      throw storageUnavailable(`model ${model}`, cause);
    }
    if (files.length === 0) throw new ServingError('NOT_FOUND', `model ${model} is not found`);
    return {
      model,
      config: files.find((file) => file.path === configFileName),
      versions: groupByVersion(files),
    };
  }

  async readText(
    model: string,
    version: string | undefined,
    file: RepositoryFile,
  ): Promise<string> {
    const label = `model ${model}: ${file.path}`;
    if (file.sizeBytes > maximumTextBytes) {
      throw new ServingError(
        'MODEL_UNAVAILABLE',
        `${label}: expected at most ${maximumTextBytes} bytes, got ${file.sizeBytes}`,
      );
    }
    const prefix = version === undefined ? modelPrefix(model) : versionPrefix(model, version);
    return decodeText(label, await this.#readBytes(label, `${prefix}${file.path}`, file.etag));
  }

  async #readBytes(label: string, key: string, etag: string): Promise<Uint8Array> {
    try {
      const { Body } = await this.#client.send(
        new GetObjectCommand({ Bucket: this.#bucket, Key: key, IfMatch: etag }),
      );
      if (Body === undefined) throw new Error('S3 answered without a body');
      return await Body.transformToByteArray();
    } catch (cause) {
      if (s3Status(cause) === 412 || isNotFound(cause)) {
        throw new ServingError('UNAVAILABLE', `${label} was replaced while it was read`, { cause });
      }
      throw storageUnavailable(label, cause);
    }
  }

  async download(
    model: string,
    version: string,
    file: RepositoryFile,
    destination: string,
    digests: FileDigests | undefined,
  ): Promise<void> {
    await downloadRanged(this.#client, {
      bucket: this.#bucket,
      key: `${versionPrefix(model, version)}${file.path}`,
      etag: file.etag,
      sizeBytes: file.sizeBytes,
      destination,
      digests,
      label: `model ${model} version ${version}: ${file.path}`,
    });
  }
}

/** UTF-8, without the byte order mark that Windows' editors write. */
function decodeText(label: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ServingError('MODEL_UNAVAILABLE', `${label}: expected UTF-8 text, got other bytes`, {
      cause,
    });
  }
}

function groupByVersion(files: readonly RepositoryFile[]): RepositoryVersion[] {
  const versions = new Map<string, RepositoryFile[]>();
  for (const file of files) {
    const slash = file.path.indexOf('/');
    if (slash <= 0) continue;
    const version = file.path.slice(0, slash);
    const path = file.path.slice(slash + 1);
    // A key that ends in a slash is what a console leaves behind when it makes a folder.
    if (!isName(version) || path === '' || path.endsWith('/')) continue;
    const group = versions.get(version);
    if (group === undefined) versions.set(version, [{ ...file, path }]);
    else group.push({ ...file, path });
  }
  return [...versions].map(([version, group]) => ({ version, files: group }));
}
