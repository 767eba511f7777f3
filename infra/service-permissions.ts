import type { IEventBus } from 'aws-cdk-lib/aws-events';
import { jobsResultPrefix } from '../src/contract/keys.ts';
import {
  grantPutEvents,
  grantReadObjects,
  grantReadVersions,
  grantWriteObjects,
} from './constructs/grants.ts';
import type { InferenceFunction } from './constructs/inference-function.ts';
import type { WorkQueue } from './constructs/work-queue.ts';
import type { ServiceState } from './service-state.ts';

export interface PermittedParts extends ServiceState {
  readonly api: InferenceFunction;
  readonly plan: InferenceFunction;
  readonly transform: InferenceFunction;
  readonly planQueue: WorkQueue;
  readonly shardQueue: WorkQueue;
  readonly eventBus: IEventBus;
}

/**
 * Who may do what: the whole of it. (Taking from a queue comes with being fed by it.) A job may name any object of the jobs bucket, so all of it is read; nobody but its users writes there.
 */
export function grantPermissions(parts: PermittedParts): void {
  const { api, plan, transform, models, jobs, results, planQueue, shardQueue, eventBus } = parts;

  // Serves models, and what requests refer to; takes jobs in over HTTP, tells their state, stops and redrives them.
  grantReadObjects(api.role, models);
  grantReadVersions(api.role, jobs);
  grantReadVersions(api.role, results, jobsResultPrefix);
  grantWriteObjects(api.role, results, jobsResultPrefix);
  planQueue.grantSendMessages(api.role);
  shardQueue.grantSendMessages(api.role);

  // Pins the model's version, reads the upload, writes the plan, sends its shards and what is left of itself.
  grantReadObjects(plan.role, models);
  grantReadVersions(plan.role, jobs);
  grantReadVersions(plan.role, results, jobsResultPrefix);
  grantWriteObjects(plan.role, results, jobsResultPrefix);
  planQueue.grantSendMessages(plan.role);
  shardQueue.grantSendMessages(plan.role);
  grantPutEvents(plan.role, eventBus);

  // Reads its part of the upload, writes predictions, hands over what is left, announces the end.
  grantReadObjects(transform.role, models);
  grantReadVersions(transform.role, jobs);
  grantReadVersions(transform.role, results, jobsResultPrefix);
  grantWriteObjects(transform.role, results, jobsResultPrefix);
  shardQueue.grantSendMessages(transform.role);
  grantPutEvents(transform.role, eventBus);
}
