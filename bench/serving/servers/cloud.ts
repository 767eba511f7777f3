import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { startLaptopCloud } from '../../../local/cloud.ts';
import { laptopS3Client } from '../../../local/sample-models.ts';
import { untilInputEnds } from './until-input-ends.ts';

/**
 * The laptop cloud, as `npm start` has it. Started with a folder of `<model>.onnx` and the
 * models' names.
 */
const [folder, ...models] = process.argv.slice(2);
const dataDir = mkdtempSync(join(tmpdir(), 'pilotlight-bench-'));
const cloud = await startLaptopCloud({ dataDir });
const s3 = laptopS3Client(cloud.urls.s3);
for (const model of models) {
  await s3.send(
    new PutObjectCommand({
      Bucket: cloud.buckets.models,
      Key: `${model}/1/model.onnx`,
      Body: readFileSync(`${folder}/${model}.onnx`),
    }),
  );
}
s3.destroy();
console.log(cloud.urls.api);
untilInputEnds(async () => {
  await cloud.close();
  rmSync(dataDir, { recursive: true, force: true });
});
