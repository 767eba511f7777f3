import * as v from 'valibot';
import { type PlanMessage, planMessageSchema } from '../../batch/plan-message.ts';
import type { Upload } from '../../batch/submit.ts';
import { decodeNotificationKey } from '../../contract/keys.ts';
import { ServingError } from '../../errors.ts';

/** What arrives on the plan queue. */
export type PlanWork =
  | { readonly kind: 'uploads'; readonly uploads: readonly Upload[] }
  | { readonly kind: 'plan'; readonly plan: PlanMessage['planJob'] }
  /** What S3 sends when a notification is set up. */
  | { readonly kind: 'test' };

const testEventSchema = v.object({ Event: v.literal('s3:TestEvent') });

/** S3's notification, as much of it as is needed (docs: notification-content-structure). */
const notificationSchema = v.object({
  Records: v.array(
    v.object({
      eventName: v.string(),
      s3: v.object({
        bucket: v.object({ name: v.string() }),
        object: v.object({
          key: v.string(),
          size: v.optional(v.number(), 0),
          eTag: v.string(),
          versionId: v.optional(v.string()),
        }),
      }),
    }),
  ),
});

/** @throws ServingError INVALID_REQUEST */
export function parsePlanQueueMessage(body: string): PlanWork {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch (cause) {
    throw new ServingError('INVALID_REQUEST', 'plan message: expected JSON', { cause });
  }
  if (v.is(testEventSchema, document)) return { kind: 'test' };
  const own = v.safeParse(planMessageSchema, document);
  if (own.success) return { kind: 'plan', plan: own.output.planJob };
  const notification = v.safeParse(notificationSchema, document);
  if (!notification.success) {
    throw new ServingError(
      'INVALID_REQUEST',
      `plan message: expected an S3 notification or planJob, got neither: ${notification.issues[0].message}`,
    );
  }
  const created = notification.output.Records.filter(({ eventName }) =>
    eventName.startsWith('ObjectCreated:'),
  );
  return { kind: 'uploads', uploads: created.map(({ s3 }) => toUpload(s3)) };
}

function toUpload(s3: v.InferOutput<typeof notificationSchema>['Records'][number]['s3']): Upload {
  const { key, size, eTag, versionId } = s3.object;
  return {
    bucket: s3.bucket.name,
    object: {
      key: decodeNotificationKey(key),
      // A notification leaves out the quotes that belong to an entity tag.
      etag: `"${eTag}"`,
      sizeBytes: size,
      ...(versionId === undefined ? {} : { versionId }),
    },
  };
}
