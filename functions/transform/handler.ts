import { createTransformHandler } from '../../src/edge/transform/handler.ts';

export const createHandler = () => createTransformHandler(process.env);
