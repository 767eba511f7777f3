import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { S3Context } from './context.ts';
import { S3Error } from './errors.ts';
import type { FaultInjector, FaultSubject, S3RequestFault } from './faults.ts';
import { type BodyFault, discard, errorReply, isHangUp, type Reply, reset, send } from './reply.ts';
import { parseRequest, type S3Request } from './request.ts';
import { type Match, route } from './router.ts';

/** From request to answer. Rejects only when the answer cannot be sent. */
export async function respond(
  http: IncomingMessage,
  response: ServerResponse,
  context: S3Context,
  faults: FaultInjector,
  onProblem: (message: string, error: unknown) => void,
): Promise<void> {
  const id = randomBytes(8).toString('hex').toUpperCase();
  const failed = (error: unknown): Reply => {
    const resource = http.url?.split('?', 1)[0] ?? '/';
    if (error instanceof S3Error) return errorReply(error, { id, resource });
    const refusal = context.disk.explain(error);
    if (refusal !== undefined) {
      const code = refusal.isFull ? 'InsufficientStorage' : 'ServiceUnavailable';
      return errorReply(new S3Error(code, { message: refusal.sentence }), { id, resource });
    }
    if (!isHangUp(error)) onProblem(`${http.method} ${resource} failed`, error);
    return errorReply(new S3Error('InternalError'), { id, resource });
  };
  let request: S3Request;
  let match: Match;
  try {
    request = parseRequest(http, response, id);
    match = route(request);
  } catch (error) {
    await send(failed(error), http, response, { id });
    return;
  }
  const fault = faults.forRequest(faultSubject(request, match));
  if (fault === 'resetBeforeAnswer') {
    reset(http);
    return;
  }
  const reply = await replyOf(match, context, fault).catch(failed);
  if (fault === 'lostResponse') {
    discard(reply);
    reset(http);
    return;
  }
  await send(reply, http, response, { id }, bodyFault(fault, faults));
  // Of a body that was read in part Node leaves the rest on the connection, where the next request would wait behind it.
  http.resume();
}

async function replyOf(
  match: Match,
  context: S3Context,
  fault: S3RequestFault | undefined,
): Promise<Reply> {
  if (fault === 'internalError') throw new S3Error('InternalError');
  if (fault === 'slowDown') throw new S3Error('SlowDown');
  return await match.run(context);
}

function bodyFault(
  fault: S3RequestFault | undefined,
  { slowBodyMs }: FaultInjector,
): BodyFault | undefined {
  if (fault === 'resetMidBody') return { kind: 'reset' };
  return fault === 'slowBody' ? { kind: 'slow', ms: slowBodyMs } : undefined;
}

function faultSubject(request: S3Request, { operation }: Match): Omit<FaultSubject, 'attempt'> {
  const { method, bucket, key, query } = request;
  const discriminator = [
    query.get('partNumber'),
    query.get('prefix'),
    query.get('continuation-token'),
    request.header('range'),
  ]
    .map((part) => part ?? '')
    .join(' ')
    .trim();
  return { method, operation, bucket, key, discriminator };
}
