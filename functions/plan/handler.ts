import { createPlanHandler } from '../../src/edge/plan/handler.ts';

export const createHandler = () => createPlanHandler(process.env);
