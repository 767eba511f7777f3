import { readJobErrors } from '../../batch/job-errors.ts';
import { listJobs } from '../../batch/job-list.ts';
import { parseJobRequestText } from '../../batch/job-request.ts';
import {
  cancelJob,
  createJob,
  getJob,
  type JobsContext,
  readRequestResult,
  redriveJob,
} from '../../batch/jobs.ts';
import { invalidRequest } from '../../errors.ts';
import { type HttpRequest, type HttpResponse, jsonResponse } from '../api/http.ts';
import type { RouteHandler, Routes } from '../api/router.ts';
import { jobDocument, jobSummaryDocument } from './job-document.ts';

const defaultLimit = 20;
const maximumJobs = 100;
const maximumErrors = 1_000;

/** The jobs API: transform jobs by HTTP. Its state is what lies in the results bucket. */
export function jobRoutes(context: JobsContext): Routes {
  const show = (progress: Parameters<typeof jobDocument>[0]) =>
    jobDocument(progress, context.nowMs());
  const one =
    (
      read: (context: JobsContext, jobId: string) => ReturnType<typeof getJob>,
      statusCode: number,
    ) =>
    async (_: HttpRequest, { job = '' }: Parameters<RouteHandler>[1]): Promise<HttpResponse> =>
      jsonResponse(show(await read(context, job)), { statusCode });
  return {
    'POST /v2/jobs': async ({ body }) => {
      const progress = await createJob(context, parseJobRequestText(body));
      return jsonResponse(show(progress), {
        statusCode: 202,
        headers: { location: `/v2/jobs/${progress.jobId}` },
      });
    },
    'GET /v2/jobs': async ({ query }) => {
      const page = await listJobs(context, {
        model: query.get('model') ?? undefined,
        after: decodeToken(query.get('after')),
        limit: limitOf(query, maximumJobs),
      });
      return jsonResponse({
        jobs: page.jobs.map(jobSummaryDocument),
        next: encodeToken(page.next),
      });
    },
    'GET /v2/jobs/{job}': one(getJob, 200),
    'GET /v2/jobs/{job}/result': async (_, { job = '' }) => {
      const result = await readRequestResult(context, job);
      return result === undefined
        ? jsonResponse({ state: 'running' }, { statusCode: 202, headers: { 'retry-after': '1' } })
        : { statusCode: 200, headers: { 'content-type': 'application/json' }, body: result };
    },
    'POST /v2/jobs/{job}/cancel': one(cancelJob, 202),
    'POST /v2/jobs/{job}/redrive': one(redriveJob, 202),
    'GET /v2/jobs/{job}/errors': async ({ query }, { job = '' }) => {
      await getJob(context, job);
      const after = decodeToken(query.get('after'));
      const limit = limitOf(query, maximumErrors);
      const page = await readJobErrors(context.results, job, after, limit);
      return jsonResponse({ errors: page.errors, next: encodeToken(page.next) });
    },
  };
}

function limitOf(query: URLSearchParams, maximum: number): number {
  const text = query.get('limit');
  if (text === null) return defaultLimit;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= maximum) return limit;
  throw invalidRequest('limit', `a whole number from 1 to ${maximum}`, `"${text}"`);
}

/** A place in a listing, in letters that a URL carries as they are. */
function encodeToken(place: string | undefined): string | undefined {
  return place === undefined ? undefined : Buffer.from(place).toString('base64url');
}

function decodeToken(token: string | null): string | undefined {
  return token === null ? undefined : Buffer.from(token, 'base64url').toString();
}
