import { createPlanHandler } from '../../src/edge/plan/handler.ts';

export const handler = createPlanHandler(process.env);
