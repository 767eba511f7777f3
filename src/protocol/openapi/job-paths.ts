import { errors, json, pathParameter, queryParameter } from './operations.ts';
import { count, reference, type Schema, string } from './schemas.ts';

const job = pathParameter('job', 'The id of a job.');

const after = queryParameter('after', string, 'What the page before gave as `next`.');

function limit(maximum: number): Schema {
  const schema = { type: 'integer', minimum: 1, maximum, default: 20 };
  return queryParameter('limit', schema, 'Of a page.');
}

const notFound: Schema = { 404: { description: 'There is no such job.', content: json('Error') } };

/** @param conflict why it cannot be */
function change(summary: string, conflict: string): Schema {
  return {
    parameters: [job],
    post: {
      summary,
      responses: {
        202: { description: 'The job as it is now.', content: json('Job') },
        ...notFound,
        409: { description: conflict, content: json('Error') },
        ...errors,
      },
    },
  };
}

/** The answer of a request that was answered later: that of its route. */
const laterAnswer: Schema = {
  anyOf: [reference('InferResponse'), reference('PredictResponse')],
};

/** The paths of the jobs API. */
export const jobPaths: Readonly<Record<string, Schema>> = {
  '/v2/jobs': {
    post: {
      summary: 'Begin a transform job',
      requestBody: { required: true, content: json('JobRequest') },
      responses: {
        202: {
          description: 'The job.',
          headers: {
            Location: { description: '`/v2/jobs/{job}`', schema: string },
          },
          content: json('Job'),
        },
        404: {
          description: 'There is no such model, version, object or job.',
          content: json('Error'),
        },
        ...errors,
      },
    },
    get: {
      summary: 'Jobs, the newest first',
      description:
        'A page is full while there are more jobs that it asks for, within bounded work: after ten listings of the bucket, or a look at a hundred jobs more than its limit, it may be short, or empty, and still have a `next`. Go on until a page has none.',
      parameters: [queryParameter('model', string, 'Only jobs of this model.'), limit(100), after],
      responses: { 200: { description: 'A page.', content: json('JobList') }, ...errors },
    },
  },
  '/v2/jobs/{job}': {
    parameters: [job],
    get: {
      summary: 'How far a job has come',
      responses: {
        200: { description: 'The job.', content: json('Job') },
        ...notFound,
        ...errors,
      },
    },
  },
  '/v2/jobs/{job}/result': {
    parameters: [job],
    get: {
      summary: 'The answer to a request that was to be answered later',
      description:
        'Of a job that began with `Prefer: respond-async`. A request that failed is answered as it would have been.',
      responses: {
        200: {
          description: 'The answer, as the route of the request has it.',
          content: { 'application/json': { schema: laterAnswer } },
        },
        202: {
          description: 'There is none yet.',
          headers: {
            'Retry-After': {
              description: 'Seconds.',
              schema: count,
            },
          },
          content: json('LaterState'),
        },
        404: {
          description: 'There is no such job, or its result has expired.',
          content: json('Error'),
        },
        409: {
          description: 'It failed as a whole, was cancelled, or is a job of another kind.',
          content: json('Error'),
        },
        ...errors,
      },
    },
  },
  '/v2/jobs/{job}/cancel': change('End a job; what is done stays', 'The job is complete.'),
  '/v2/jobs/{job}/redrive': change(
    'Do what a job has not done: shards that were given up, or all that was left when it ended',
    'The job is complete, or was refused before it was one.',
  ),
  '/v2/jobs/{job}/errors': {
    parameters: [job],
    get: {
      summary: 'Failed records, in the order of the input',
      parameters: [limit(1000), after],
      responses: {
        200: {
          description: 'Of all shards of a complete job, and of those that are done before.',
          content: json('JobErrors'),
        },
        ...notFound,
        ...errors,
      },
    },
  },
};
