import { Duration } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';

export interface WorkQueueProps {
  /** How long a message that a worker took stays hidden from the others. */
  readonly visibilityTimeout: Duration;
  /** How often a message may be taken before it is given up. */
  readonly maxReceiveCount: number;
  /** Key of the messages. @default SQS's own managed key */
  readonly encryptionKey?: IKey | undefined;
}

/** A queue of work, and beside it the queue of what could not be done. */
export class WorkQueue extends Queue {
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: WorkQueueProps) {
    const common = {
      enforceSSL: true,
      ...(props.encryptionKey === undefined
        ? { encryption: QueueEncryption.SQS_MANAGED }
        : { encryption: QueueEncryption.KMS, encryptionMasterKey: props.encryptionKey }),
      // The longest that SQS keeps a message: a dead letter carries the age it had, so both need it.
      retentionPeriod: Duration.days(14),
      visibilityTimeout: props.visibilityTimeout,
    };
    const deadLetters = new Queue(scope, `${id}DeadLetters`, common);
    acknowledge(deadLetters, 'Serverless::Serverless-SQSRedrivePolicy', 'it is the end of the way');
    super(scope, id, {
      ...common,
      deadLetterQueue: { queue: deadLetters, maxReceiveCount: props.maxReceiveCount },
    });
    this.deadLetters = deadLetters;
  }
}
