import { createRequestJob, type JobsContext } from '../../batch/jobs.ts';
import type { LaterRequest } from '../../batch/submit-later.ts';
import { ServingError } from '../../errors.ts';
import { declaresNoTask } from '../../inference/prediction.ts';
import type { ModelReference } from '../../models/reference.ts';
import { splitBody } from '../../protocol/body.ts';
import { parseJsonDocument } from '../../protocol/json-document.ts';
import { inputKindOf } from '../../tasks/input-kind.ts';
import type { PredictServices } from '../../tasks/wire/handle.ts';
import { predictRequestText } from '../../tasks/wire/request-text.ts';
import { negotiateAnswer } from '../../tasks/wire/response.ts';
import { type HttpRequest, type HttpResponse, jsonResponse } from '../api/http.ts';
import { jobDocument } from './job-document.ts';

/**
 * Answers an inference request that may be answered later (`Prefer: respond-async`, RFC 7240): at once with where
 * the answer will be.
 *
 * @throws ServingError INVALID_REQUEST for a body that is no JSON, and for a request with binary tensors, which a line of
 *   JSON cannot hold; PAYLOAD_TOO_LARGE
 */
export async function inferLater(
  context: JobsContext,
  reference: ModelReference,
  { body, headers }: HttpRequest,
): Promise<HttpResponse> {
  if (headers['inference-header-content-length'] !== undefined) {
    throw new ServingError(
      'INVALID_REQUEST',
      'Prefer: expected a request in JSON for respond-async, got one with binary tensors',
    );
  }
  const { json = '' } = splitBody(body, undefined);
  parseJsonDocument(json, 'body');
  return accept(context, reference, { route: 'infer', text: json });
}

/**
 * The same for the predict route: a model with a task, and a pipeline, whose stages are pinned as it is.
 *
 * @throws ServingError 4xx for a body that is no request of the model's task; NOT_ACCEPTABLE where the answer shall not be
 *   JSON, for it is a line of it
 */
export async function predictLater(
  context: JobsContext,
  services: () => Promise<Pick<PredictServices, 'csv'>>,
  reference: ModelReference,
  { body, headers }: HttpRequest,
): Promise<HttpResponse> {
  const { task } = (await context.models.describe(reference.model)).configuration;
  if (task === undefined) throw declaresNoTask(reference.model);
  if (negotiateAnswer(headers['accept'], task.type) !== 'json') {
    throw new ServingError('NOT_ACCEPTABLE', 'Accept: expected application/json for respond-async');
  }
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const { csv } = await services();
  const accepts = inputKindOf(task.type);
  const text = await predictRequestText(bytes, headers['content-type'], accepts, csv);
  return accept(context, reference, { route: 'predict', text });
}

async function accept(
  context: JobsContext,
  reference: ModelReference,
  request: LaterRequest,
): Promise<HttpResponse> {
  const progress = await createRequestJob(context, reference, request);
  return jsonResponse(jobDocument(progress, context.nowMs()), {
    statusCode: 202,
    headers: {
      location: `/v2/jobs/${progress.jobId}/result`,
      'preference-applied': 'respond-async',
    },
  });
}
