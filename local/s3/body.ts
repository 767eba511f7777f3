import { createHash, type Hash } from 'node:crypto';
import { decodeAwsChunked } from './aws-chunked.ts';
import {
  type Checksum,
  type ChecksumAlgorithm,
  checksumAlgorithms,
  checksumHeader,
  createHasher,
  defaultChecksumAlgorithm,
  digestBase64,
  type Hasher,
} from './checksums.ts';
import { S3Error } from './errors.ts';
import type { S3Request } from './request.ts';

/** What was computed over a body. */
export interface BodyDigests {
  readonly sizeBytes: number;
  /** Hex. */
  readonly md5: string;
  /** The one to keep. */
  readonly checksum: Checksum;
  /** The one that the request promised, which held. */
  readonly promisedChecksum: Checksum | undefined;
}

/** A checksum that the request promises, in a header or in the trailer of an aws-chunked body. */
interface PromisedChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Undefined while the trailer is not there yet. */
  readonly value: string | undefined;
}

/**
 * A request's body: decoded, hashed on the way, and compared at its end with everything that the request
 * promised of it. Whoever reads it to the end knows that it is whole; a mismatch is thrown from the last read,
 * before the reader could take the bytes for good.
 */
export class RequestBody {
  readonly #request: S3Request;
  readonly #md5 = createHash('md5');
  readonly #sha256: Hash | undefined;
  readonly #promised: PromisedChecksum | undefined;
  readonly #keptAlgorithm: ChecksumAlgorithm;
  /** Of the checksum to keep, and of the promised one where that is another. */
  readonly #hashers: ReadonlyMap<ChecksumAlgorithm, Hasher>;
  #trailers: ReadonlyMap<string, string> = new Map();
  #digests: BodyDigests | undefined;

  /**
   * @param keptAlgorithm which checksum `digests` gives. @default the promised one, else CRC64NVME
   * @throws S3Error InvalidRequest, InvalidDigest or MissingContentLength
   */
  constructor(request: S3Request, keptAlgorithm?: ChecksumAlgorithm) {
    this.#request = request;
    this.#promised = promisedChecksum(request);
    this.#keptAlgorithm = keptAlgorithm ?? this.#promised?.algorithm ?? defaultChecksumAlgorithm;
    const algorithms = new Set([
      this.#keptAlgorithm,
      this.#promised?.algorithm ?? this.#keptAlgorithm,
    ]);
    this.#hashers = new Map([...algorithms].map((each) => [each, createHasher(each)]));
    this.#sha256 = isSha256(request.header('x-amz-content-sha256'))
      ? createHash('sha256')
      : undefined;
    requireLength(request);
    const md5 = request.header('content-md5');
    if (md5 !== undefined && Buffer.from(md5, 'base64').byteLength !== 16) {
      throw new S3Error('InvalidDigest', { details: { 'Content-MD5': md5 } });
    }
  }

  /** Which checksum the request promised; undefined when none. */
  get promisedAlgorithm(): ChecksumAlgorithm | undefined {
    return this.#promised?.algorithm;
  }

  /** What was computed; there once `bytes` was read to its end. */
  get digests(): BodyDigests {
    if (this.#digests === undefined) throw new Error('the body was not read to its end');
    return this.#digests;
  }

  /** @throws S3Error BadDigest, XAmzContentSHA256Mismatch, IncompleteBody or MalformedTrailerError */
  async *bytes(): AsyncGenerator<Buffer> {
    let sizeBytes = 0;
    for await (const chunk of this.#decoded()) {
      sizeBytes += chunk.byteLength;
      this.#md5.update(chunk);
      this.#sha256?.update(chunk);
      for (const hasher of this.#hashers.values()) hasher.update(chunk);
      yield chunk;
    }
    await this.#verify(sizeBytes);
  }

  #decoded(): AsyncIterable<Buffer> {
    const body = this.#request.body();
    if (!isAwsChunked(this.#request)) return body;
    return decodeAwsChunked(body, (trailers) => {
      this.#trailers = trailers;
    });
  }

  async #verify(sizeBytes: number): Promise<void> {
    const decodedLength = this.#request.header('x-amz-decoded-content-length');
    if (decodedLength !== undefined && Number(decodedLength) !== sizeBytes) {
      throw new S3Error('IncompleteBody', {
        message:
          'You did not provide the number of bytes specified by the Content-Length HTTP header',
      });
    }
    const md5 = this.#md5.digest();
    const promisedMd5 = this.#request.header('content-md5');
    if (promisedMd5 !== undefined && !Buffer.from(promisedMd5, 'base64').equals(md5)) {
      throw new S3Error('BadDigest', {
        message: 'The Content-MD5 you specified did not match what we received.',
        details: { ExpectedDigest: promisedMd5, CalculatedDigest: md5.toString('base64') },
      });
    }
    const promisedSha256 = this.#request.header('x-amz-content-sha256');
    const sha256 = this.#sha256?.digest('hex');
    if (sha256 !== undefined && sha256 !== promisedSha256?.toLowerCase()) {
      throw new S3Error('XAmzContentSHA256Mismatch', {
        details: {
          ClientComputedContentSHA256: promisedSha256 ?? '',
          S3ComputedContentSHA256: sha256,
        },
      });
    }
    const promised = this.#promised && (await this.#digestOf(this.#promised.algorithm));
    if (promised !== undefined) this.#verifyChecksum(promised);
    const kept = this.#keptAlgorithm;
    this.#digests = {
      sizeBytes,
      md5: md5.toString('hex'),
      checksum: promised?.algorithm === kept ? promised : await this.#digestOf(kept),
      promisedChecksum: promised,
    };
  }

  async #digestOf(algorithm: ChecksumAlgorithm): Promise<Checksum> {
    const hasher = this.#hashers.get(algorithm) ?? createHasher(algorithm);
    return { algorithm, value: await digestBase64(hasher), type: 'FULL_OBJECT' };
  }

  #verifyChecksum({ algorithm, value: computed }: Checksum): void {
    const promised = this.#promised?.value ?? this.#trailers.get(checksumHeader(algorithm));
    if (promised === undefined) {
      throw new S3Error('MalformedTrailerError', {
        message: `The trailer ${checksumHeader(algorithm)} was announced and did not come.`,
      });
    }
    if (promised.length !== computed.length) {
      throw new S3Error('InvalidRequest', {
        message: `Value for ${checksumHeader(algorithm)} header is invalid.`,
      });
    }
    if (promised !== computed) {
      throw new S3Error('BadDigest', {
        message: `The ${algorithm} you specified did not match the calculated checksum.`,
      });
    }
  }
}

function promisedChecksum(request: S3Request): PromisedChecksum | undefined {
  const given = checksumAlgorithms.flatMap((algorithm) => {
    const value = request.header(checksumHeader(algorithm));
    return value === undefined ? [] : [{ algorithm, value }];
  });
  if (given.length > 1) {
    throw new S3Error('InvalidRequest', {
      message:
        'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    });
  }
  const [inHeader] = given;
  if (inHeader !== undefined) return inHeader;
  const trailer = request.header('x-amz-trailer')?.toLowerCase();
  const inTrailer = checksumAlgorithms.find((algorithm) => checksumHeader(algorithm) === trailer);
  if (inTrailer !== undefined) return { algorithm: inTrailer, value: undefined };
  if (trailer !== undefined) {
    throw new S3Error('InvalidRequest', {
      message: 'The value specified in the x-amz-trailer header is not supported',
    });
  }
  if (request.header('x-amz-sdk-checksum-algorithm') !== undefined) {
    throw new S3Error('InvalidRequest', {
      message:
        'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    });
  }
  return undefined;
}

function isAwsChunked(request: S3Request): boolean {
  return request.header('x-amz-content-sha256')?.startsWith('STREAMING-') === true;
}

function isSha256(value: string | undefined): boolean {
  return value !== undefined && /^[0-9a-f]{64}$/i.test(value);
}

/** S3 wants to know the length before: a chunked body must be aws-chunked and say its decoded length. */
function requireLength(request: S3Request): void {
  const name = isAwsChunked(request) ? 'x-amz-decoded-content-length' : 'content-length';
  const length = request.header(name);
  if (length === undefined) throw new S3Error('MissingContentLength');
  if (!/^\d+$/.test(length)) {
    throw new S3Error('InvalidArgument', { message: `${name} must be a whole number` });
  }
}
