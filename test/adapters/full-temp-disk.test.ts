import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { distinctBytes } from '../support/distinct-bytes.ts';
import { Downloads } from './downloads.ts';

const blockBytes = 512;
const fixture = join(import.meta.dirname, 'fixtures', 'download-process.ts');

let downloads: Downloads;
let folder: string;

beforeAll(async () => {
  downloads = await Downloads.start();
  folder = mkdtempSync(join(tmpdir(), 'pilotlight-full-disk-'));
});
afterAll(async () => {
  await downloads.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What comes of a download by a process whose files may not grow beyond so many blocks, as on a disk without room. */
async function downloadWithRoom(sizeBytes: number, blocks: number): Promise<unknown> {
  const etag = await downloads.put('iris/1/model.onnx', distinctBytes(sizeBytes));
  const { stdout } = await promisify(execFile)(
    'sh',
    [
      '-c',
      `ulimit -f ${blocks}; exec "$0" "$@"`,
      process.execPath,
      fixture,
      folder,
      etag,
      `${sizeBytes}`,
    ],
    {
      env: {
        ...process.env,
        AWS_ENDPOINT_URL_S3: downloads.s3.url,
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
      },
    },
  );
  return JSON.parse(stdout);
}

it('a model that fits is there whole', async () => {
  expect(await downloadWithRoom(1_024, 2)).toEqual({ byteLength: 1_024 });
});

it.each([
  ['one byte', 200 * blockBytes + 1],
  ['most of it', 4_000_000],
])(
  'a model for which the disk lacks room for %s is refused, leaves nothing, and storage is not blamed',
  async (_, sizeBytes) => {
    const starts = downloads.recordRanges();
    expect(await downloadWithRoom(sizeBytes, 200)).toEqual({
      code: 'MODEL_UNAVAILABLE',
      message: 'model iris version 1: its files cannot be written to the temp disk (EFBIG)',
    });
    expect(readdirSync(folder)).not.toContain('f'.repeat(64));
    expect(starts).toEqual([0]);
  },
);
