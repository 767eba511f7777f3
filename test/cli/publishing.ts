import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { publishModel } from '../../cli/publish.ts';
import { jsonOf, type Serving, startServing } from '../support/serving.ts';

/** A folder of sources, and an environment that serves what is published of them. */
export class Publishing {
  readonly folder = mkdtempSync(join(tmpdir(), 'pilotlight-cli-'));
  readonly serving: Serving;

  private constructor(serving: Serving) {
    this.serving = serving;
  }

  static async start(): Promise<Publishing> {
    return new Publishing(await startServing());
  }

  /** Publishes a file or folder of the source folder; gives the version. */
  publish(
    model: string,
    source: string,
    options: { readonly version?: string; readonly prepare?: boolean } = {},
  ): Promise<string> {
    const { version, prepare = false } = options;
    return publishModel(this.serving.client, {
      bucket: 'models',
      model,
      source: join(this.folder, source),
      version,
      prepare,
      onUpload: () => undefined,
    });
  }

  /** Writes a file of the source folder. */
  write(path: string, content: Uint8Array | string): void {
    mkdirSync(join(this.folder, path, '..'), { recursive: true });
    writeFileSync(join(this.folder, path), content);
  }

  /** What a model that adds to its input adds to one row of zeros; the message where it fails. */
  async sumOf(model: string, columns = 1): Promise<unknown> {
    const input = { name: 'x', datatype: 'FP32', shape: [1, columns] };
    const response = await this.serving.call('POST', `/v2/models/${model}/infer`, {
      body: { inputs: [{ ...input, data: new Array<number>(columns).fill(0) }] },
    });
    const document = Object(jsonOf(response));
    return response.statusCode === 200 ? document.outputs[0].data : document.error;
  }

  /** Keys below a prefix, without it. */
  async keysOf(prefix: string): Promise<string[]> {
    const listing = await this.serving.client.send(
      new ListObjectsV2Command({ Bucket: 'models', Prefix: prefix }),
    );
    return (listing.Contents ?? []).map(({ Key = '' }) => Key.slice(prefix.length));
  }

  async read(key: string): Promise<Uint8Array> {
    const { Body } = await this.serving.client.send(
      new GetObjectCommand({ Bucket: 'models', Key: key }),
    );
    return (await Body?.transformToByteArray()) ?? new Uint8Array();
  }

  /** @param version such as `iris/1` */
  async manifestOf(version: string): Promise<unknown> {
    return JSON.parse(Buffer.from(await this.read(`${version}/manifest.json`)).toString());
  }

  async close(): Promise<void> {
    await this.serving.close();
    rmSync(this.folder, { recursive: true });
  }
}
