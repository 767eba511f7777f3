import { Tracer } from '@aws-lambda-powertools/tracer';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';

/**
 * X-Ray segments of one invocation, without the payload: see `traceWhenSampled`.
 *
 * @param coldStart whether it is made for the environment's first invocation
 */
export function createTracing(coldStart: boolean) {
  return captureLambdaHandler(new LateTracer(coldStart), { captureResponse: false });
}

/** Powertools takes the first invocation that a tracer sees for the environment's first. */
class LateTracer extends Tracer {
  constructor(coldStart: boolean) {
    super();
    this.coldStart &&= coldStart;
  }
}
