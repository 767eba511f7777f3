import { planJob } from '../../batch/plan-job.ts';
import type { PlanMessage } from '../../batch/plan-message.ts';
import { type SubmitContext, submitUpload } from '../../batch/submit.ts';
import { parsePlanQueueMessage } from './plan-queue-message.ts';

export interface PlannerContext extends SubmitContext {
  readonly plans: { send(messages: readonly PlanMessage[]): Promise<void> };
}

/**
 * One message of the plan queue, from its body to shards on their way.
 *
 * @param deadlineMs when the invocation ends, in milliseconds since 1970
 */
export async function handlePlanMessage(
  context: PlannerContext,
  body: string,
  deadlineMs: number,
): Promise<void> {
  const work = parsePlanQueueMessage(body);
  switch (work.kind) {
    case 'test':
      return;
    case 'plan':
      return goOn(context, work.plan, deadlineMs);
    case 'uploads':
      for (const upload of work.uploads) {
        const submission = await submitUpload(context, upload);
        const { key } = upload.object;
        if (submission.outcome === 'job') {
          await goOn(context, { jobId: submission.jobId, fromGroup: 0 }, deadlineMs);
        } else if (submission.outcome === 'refused') {
          const { jobId, error } = submission;
          context.log.warn('job refused', { key, jobId, reason: error.message });
        } else {
          context.log.info('upload ignored', { key, reason: submission.reason });
        }
      }
  }
}

async function goOn(
  context: PlannerContext,
  { jobId, fromGroup }: PlanMessage['planJob'],
  deadlineMs: number,
): Promise<void> {
  const plan = await planJob(context, jobId, fromGroup, deadlineMs);
  if (plan.outcome !== 'continued') return;
  await context.plans.send([{ planJob: { jobId, fromGroup: plan.fromGroup } }]);
}
