import { Crc32, Crc32c, Crc64Nvme } from '@aws-sdk/checksums/crc';
import { Md5 } from '@aws-sdk/checksums/md5';
import { Sha1, Sha256, Sha512 } from '@aws-sdk/checksums/sha';
import { Xxh3_64, Xxh3_128, Xxh64 } from '@aws-sdk/checksums/xxh';

/** FULL_OBJECT: of all bytes. COMPOSITE: of the parts' checksums, followed by `-` and their count. */
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

/** The interface of the AWS SDK's checksums: bytes go in, the big-endian digest comes out. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  digest(): Promise<Uint8Array>;
}

const hashers = {
  CRC32: () => new Crc32(),
  CRC32C: () => new Crc32c(),
  CRC64NVME: () => new Crc64Nvme(),
  MD5: () => new Md5(),
  SHA1: () => new Sha1(),
  SHA256: () => new Sha256(),
  SHA512: () => new Sha512(),
  XXHASH3: () => new Xxh3_64(),
  XXHASH64: () => new Xxh64(),
  XXHASH128: () => new Xxh3_128(),
} as const satisfies Record<string, () => Hasher>;

/** Names as the API has them (`ChecksumAlgorithm` of @aws-sdk/client-s3). */
export type ChecksumAlgorithm = keyof typeof hashers;

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64 of the digest; of a composite one with its `-N`. */
  readonly value: string;
  readonly type: ChecksumType;
}

export const checksumAlgorithms = Object.keys(hashers).filter(isChecksumAlgorithm);

/** What S3 computes when the writer names none. */
export const defaultChecksumAlgorithm: ChecksumAlgorithm = 'CRC64NVME';

export function isChecksumAlgorithm(name: string): name is ChecksumAlgorithm {
  return Object.hasOwn(hashers, name);
}

export function createHasher(algorithm: ChecksumAlgorithm): Hasher {
  return hashers[algorithm]();
}

/** `x-amz-checksum-crc32` and so on. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** The name of the XML element: `ChecksumCRC32` and so on. */
export function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm}`;
}

export async function digestBase64(hasher: Hasher): Promise<string> {
  return Buffer.from(await hasher.digest()).toString('base64');
}

/** Checksum of the parts' checksums, as S3 makes it for an upload of type COMPOSITE. */
export async function compositeChecksum(
  algorithm: ChecksumAlgorithm,
  partValues: readonly string[],
): Promise<string> {
  const hasher = createHasher(algorithm);
  for (const value of partValues) hasher.update(Buffer.from(value, 'base64'));
  return `${await digestBase64(hasher)}-${partValues.length}`;
}
