import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Broker } from './broker.ts';
import { SqsError } from './errors.ts';
import { newMessage } from './message.ts';
import type { Queue } from './queue.ts';

/** One redrive of a dead-letter queue: its messages go back to where they came from, or to one queue. */
export interface MoveTask {
  readonly handle: string;
  readonly source: Queue;
  /** Undefined for each message's own source queue. */
  readonly destinationName: string | undefined;
  readonly maxMessagesPerSecond: number | undefined;
  readonly startedMs: number;
  readonly messagesToMove: number;
  messagesMoved: number;
  status: 'RUNNING' | 'COMPLETED' | 'CANCELLING' | 'CANCELLED' | 'FAILED';
  failureReason: string | undefined;
}

/** The newest tasks that are remembered for each source queue, as in SQS. */
const remembered = 10;

/** Runs message move tasks, one at a time for each source queue. They do not outlive the server. */
export class MoveTasks {
  readonly #broker: Broker;
  readonly #now: () => number;
  readonly #newestFirst: MoveTask[] = [];

  constructor(broker: Broker, now: () => number) {
    this.#broker = broker;
    this.#now = now;
  }

  /** Starts to move what is visible now. @throws SqsError */
  start(
    source: Queue,
    destinationName: string | undefined,
    maxMessagesPerSecond: number | undefined,
  ): MoveTask {
    if (this.#broker.sourcesOf(source.name).length === 0) {
      throw new SqsError(
        'InvalidParameterValue',
        'Source queue must be configured as a Dead Letter Queue.',
      );
    }
    if (this.of(source).some(({ status }) => status === 'RUNNING' || status === 'CANCELLING')) {
      throw new SqsError(
        'InvalidParameterValue',
        'There is already a task running. Only one active task is allowed for a source queue arn at a given time.',
      );
    }
    const task: MoveTask = {
      handle: Buffer.from(
        JSON.stringify({ taskId: randomUUID(), sourceQueue: source.name }),
      ).toString('base64'),
      source,
      destinationName,
      maxMessagesPerSecond,
      startedMs: this.#now(),
      messagesToMove: source.depth().visible,
      messagesMoved: 0,
      status: 'RUNNING',
      failureReason: undefined,
    };
    this.#newestFirst.unshift(task);
    for (const forgotten of this.of(source).slice(remembered)) {
      this.#newestFirst.splice(this.#newestFirst.indexOf(forgotten), 1);
    }
    void this.#run(task);
    return task;
  }

  /** The tasks of a source queue, the newest first. */
  of(source: Queue): readonly MoveTask[] {
    return this.#newestFirst.filter((task) => task.source === source);
  }

  /** Stops a running task; what was moved stays moved. @throws SqsError ResourceNotFoundException */
  cancel(handle: string): MoveTask {
    const task = this.#newestFirst.find((candidate) => candidate.handle === handle);
    if (task === undefined || task.status !== 'RUNNING') {
      throw new SqsError('ResourceNotFoundException', 'Task does not exist or is not running.');
    }
    task.status = 'CANCELLING';
    return task;
  }

  /** Stops every task. */
  close(): void {
    for (const task of this.#newestFirst) {
      if (task.status === 'RUNNING') task.status = 'CANCELLING';
    }
  }

  async #run(task: MoveTask): Promise<void> {
    try {
      // The answer to StartMessageMoveTask comes first.
      await delay(1);
      while (task.status === 'RUNNING' && task.messagesMoved < task.messagesToMove) {
        if (!(await this.#moveNext(task))) break;
        if (task.maxMessagesPerSecond !== undefined) await delay(1000 / task.maxMessagesPerSecond);
      }
      if (task.status === 'RUNNING') task.status = 'COMPLETED';
      if (task.status === 'CANCELLING') task.status = 'CANCELLED';
    } catch (error) {
      task.status = 'FAILED';
      task.failureReason = error instanceof SqsError ? error.message : 'InternalError';
    }
  }

  /** Moves the oldest visible message; false when there is none. */
  async #moveNext(task: MoveTask): Promise<boolean> {
    const message = task.source.oldestVisible();
    if (message === undefined) return false;
    const destinationName = task.destinationName ?? message.deadLetterSource;
    if (destinationName === undefined) {
      throw new SqsError('InvalidParameterValue', 'CouldNotDetermineMessageSource');
    }
    const target = this.#broker.get(destinationName).queue;
    // SQS: a redriven message is a new one, with a new id and a new enqueue time.
    await task.source.move(message, target, newMessage(message, this.#now(), 0));
    task.messagesMoved += 1;
    return true;
  }
}
