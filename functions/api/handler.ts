import { createApiHandler } from '../../src/edge/api/handler.ts';

export const createHandler = () => createApiHandler(process.env);
