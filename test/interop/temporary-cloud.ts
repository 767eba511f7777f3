import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { type LaptopCloud, type LaptopCloudOptions, startLaptopCloud } from '../../local/cloud.ts';
import { laptopS3Client } from '../../local/sample-models.ts';

/** A laptop cloud of its own: free ports, a folder that goes when it goes. */
export interface TemporaryCloud extends LaptopCloud {
  /** Where it keeps everything. */
  readonly dataDir: string;
  /** Puts files into the model repository, as any S3 client would. Keys as `iris/1/model.onnx`. */
  publish(files: ReadonlyMap<string, Uint8Array | string>): Promise<void>;
}

/** Puts at a time while publishing. */
const parallelPuts = 8;

/** Starts a cloud, and stops it when `use` has ended, however it ends. */
export async function withTemporaryCloud<T>(
  options: Omit<LaptopCloudOptions, 'dataDir' | 'ports'>,
  use: (cloud: TemporaryCloud) => Promise<T>,
): Promise<T> {
  const dataDir = mkdtempSync(join(tmpdir(), 'pilotlight-cloud-'));
  let cloud: LaptopCloud | undefined;
  let s3: S3Client | undefined;
  try {
    cloud = await startLaptopCloud({ ...options, dataDir });
    s3 = laptopS3Client(cloud.urls.s3);
    return await use({ ...cloud, dataDir, publish: publisher(s3, cloud.buckets.models) });
  } finally {
    s3?.destroy();
    await cloud?.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function publisher(s3: S3Client, bucket: string): TemporaryCloud['publish'] {
  return async (files) => {
    const queue = files.entries();
    const put = async () => {
      for (const [key, body] of queue) {
        await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
      }
    };
    await Promise.all(Array.from({ length: parallelPuts }, put));
  };
}
