import * as v from 'valibot';

/** A message of the plan queue that is ours: plan a job whose document is written, or go on with it. */
export const planMessageSchema = v.object({
  planJob: v.object({
    jobId: v.string(),
    /** Groups of shards before it have been sent. */
    fromGroup: v.optional(v.number(), 0),
  }),
});
export type PlanMessage = v.InferOutput<typeof planMessageSchema>;
