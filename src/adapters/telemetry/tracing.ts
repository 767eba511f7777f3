import { Tracer } from '@aws-lambda-powertools/tracer';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';

/** X-Ray segments of one invocation, without the payload: see `traceWhenSampled`. */
export function createTracing() {
  return captureLambdaHandler(new Tracer(), { captureResponse: false });
}
