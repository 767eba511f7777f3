import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { publishModel } from '../../cli/publish.ts';
import { startS3 } from '../../local/s3/server.ts';
import { laptopS3Client } from '../../local/sample-models.ts';
import { identityModel } from '../support/onnx-model.ts';

/** What loading a model took of memory, in MiB above what the process had before. */
export interface LoadMemory {
  /** What the process had before, with Node, ONNX Runtime and a small session. */
  readonly baseMiB: number;
  /** The most resident memory on the way. */
  readonly peakMiB: number;
  /** What stayed. */
  readonly afterMiB: number;
  /** Of this what the kernel cannot take back and read again from the model's file. */
  readonly afterAnonymousMiB: number;
}

/**
 * Publishes a model to an S3 server, and loads it in a process of its own as the api function does. Linux alone.
 *
 * @param prepare whether with an artefact that was optimised for this machine
 */
export async function loadMemoryOf(onnx: Uint8Array, prepare: boolean): Promise<LoadMemory> {
  const folder = mkdtempSync(join(tmpdir(), 'pilotlight-load-memory-'));
  const s3 = await startS3({ dataDir: join(folder, 's3'), buckets: [{ name: 'models' }] });
  const client = laptopS3Client(s3.url);
  try {
    for (const [model, bytes] of [
      ['tiny', identityModel('FP32', [-1])],
      ['measured', onnx],
    ] as const) {
      const source = join(folder, `${model}.onnx`);
      writeFileSync(source, bytes);
      const onUpload = () => undefined;
      await publishModel(client, { bucket: 'models', source, model, prepare, onUpload });
    }
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(import.meta.dirname, 'fixtures', 'load-process.ts'), 'measured'],
      {
        env: {
          ...process.env,
          AWS_ENDPOINT_URL_S3: s3.url,
          AWS_REGION: 'us-east-1',
          AWS_ACCESS_KEY_ID: 'test',
          AWS_SECRET_ACCESS_KEY: 'test',
        },
      },
    );
    return JSON.parse(stdout);
  } finally {
    client.destroy();
    await s3.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
