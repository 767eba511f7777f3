import { expect, test } from 'vitest';
import { predictRequestText } from '../../../src/tasks/wire/request-text.ts';
import { decoders } from '../support/models.ts';

const mebibyte = 1024 * 1024;

test('a picture becomes the JSON that asks for the same, while its reader would take that', async () => {
  const textOf = (body: Uint8Array) => predictRequestText(body, 'image/png', 'image', decoders.csv);
  const picture = Buffer.alloc(5 * mebibyte, 7);
  expect(JSON.parse(await textOf(picture))).toEqual({
    inputs: [{ base64: picture.toString('base64') }],
  });
  // Base64 is a third longer: no text of a request may be that long.
  await expect(textOf(Buffer.alloc(7 * mebibyte, 7))).rejects.toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
    message: expect.stringMatching(/^body as JSON/) as unknown,
  });
});
