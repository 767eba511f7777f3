/** The routes of the jobs API, known without loading its code. */
export const jobRouteNames = [
  'POST /v2/jobs',
  'GET /v2/jobs',
  'GET /v2/jobs/{job}',
  'GET /v2/jobs/{job}/result',
  'POST /v2/jobs/{job}/cancel',
  'POST /v2/jobs/{job}/redrive',
  'GET /v2/jobs/{job}/errors',
] as const;
