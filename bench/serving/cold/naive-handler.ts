import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { InferenceSession, Tensor } from 'onnxruntime-node';

/**
 * The yardstick: what a sample of serving ONNX on Lambda does. The whole object to a buffer, a session with default
 * options, JSON in and out, and no check of anything.
 */
let session: InferenceSession | undefined;

interface Event {
  readonly body: string;
}

export async function handler(event: Event) {
  if (session === undefined) {
    const s3 = new S3Client({});
    const { Body } = await s3.send(
      new GetObjectCommand({ Bucket: process.env['BUCKET'], Key: process.env['KEY'] }),
    );
    if (Body === undefined) throw new Error('no body');
    session = await InferenceSession.create(await Body.transformToByteArray());
  }
  const { inputs } = JSON.parse(event.body);
  const [{ shape, data }] = inputs;
  const { y } = await session.run({ x: new Tensor('float32', Float32Array.from(data), shape) });
  return {
    statusCode: 200,
    body: JSON.stringify({ outputs: [{ name: 'y', data: Array.from(Object(y).data) }] }),
  };
}
