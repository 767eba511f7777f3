import { createApiHandler } from '../../src/edge/api/handler.ts';

export const handler = await createApiHandler(process.env);
