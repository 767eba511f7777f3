import type { JobKeys } from '../contract/job-keys.ts';
import { streamErrors, streamOutput } from './decision.ts';
import type { Job } from './job.ts';
import type { TransformContext } from './ports.ts';
import { shareBefore } from './records.ts';
import type { ShardDelivery } from './shard.ts';
import type { StreamedObject } from './streamed-object.ts';
import type { Stretch } from './stretch.ts';

/** By how much the rest of a shard may be slower than its beginning. */
const reserve = 2;

export interface ShardUploadOptions {
  readonly context: TransformContext;
  readonly keys: JobKeys;
  readonly job: Job;
  readonly delivery: ShardDelivery;
  readonly attemptId: string;
}

/**
 * Uploads the output of a shard while it is made, so that at its end there is little left to wait for, and S3 copies
 * nothing: the way of a first attempt with all the time it needs. Nothing of it is kept when the attempt does not come
 * to the shard's end: attempts that may not keep segments instead.
 */
export class ShardUpload {
  readonly #options: ShardUploadOptions;
  readonly #startedMs: number;
  #output: StreamedObject | undefined;
  #errors: StreamedObject | undefined;
  /** Whether the time does not suffice, or it was too late to ask. */
  #declined = false;

  constructor(options: ShardUploadOptions) {
    this.#options = options;
    this.#startedMs = options.context.nowMs();
  }

  /** Once it is, predictions and failed records go this way. */
  get isOpen(): boolean {
    return this.#output !== undefined;
  }

  get output(): StreamedObject | undefined {
    return this.#output;
  }

  /** undefined while there are few failed records, or none. */
  get errors(): StreamedObject | undefined {
    return this.#errors;
  }

  /** Takes what there is once it is enough for a part of an upload. @throws what the upload failed with */
  async take(stretch: Stretch): Promise<void> {
    const { context, keys, job, delivery, attemptId } = this.#options;
    const { results, limits } = context;
    const { message } = delivery;
    if (this.#declined || stretch.bytes < limits.partBytes) return;
    if (this.#output === undefined) {
      this.#declined = !this.#hasTimeFor(stretch);
      if (this.#declined) return;
      this.#output = streamOutput(results, keys, job, message, attemptId);
    }
    if (stretch.outputBytes >= limits.partBytes) await this.#output.write(stretch.takeOutput());
    if (stretch.errorsBytes >= limits.partBytes) {
      this.#errors ??= streamErrors(results, keys, message, attemptId);
      await this.#errors.write(stretch.takeErrors());
    }
  }

  #hasTimeFor({ to }: Stretch): boolean {
    const { context, delivery } = this.#options;
    const nowMs = context.nowMs();
    const share = shareBefore(delivery.message.shard.source, to);
    const restMs = (nowMs - this.#startedMs) * (1 / share - 1);
    return nowMs + reserve * restMs + context.limits.handOverMs < delivery.deadlineMs;
  }

  /** Leaves nothing behind, unless it came to its end. */
  async abandon(): Promise<void> {
    await Promise.all([this.#output?.abandon(), this.#errors?.abandon()]);
  }
}
