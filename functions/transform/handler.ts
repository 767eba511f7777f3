import { createTransformHandler } from '../../src/edge/transform/handler.ts';

export const handler = await createTransformHandler(process.env);
