import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody } from '../request-body.ts';
import { FaultPlanError } from './plan.ts';

/** What goes wrong on purpose in one server. */
export interface FaultSwitch {
  /** Undefined while the faults are off. */
  readonly plan: object | undefined;
  /** How often each fault was injected. */
  readonly counts: object;
  /** @throws FaultPlanError */
  setPlan(plan: unknown): void;
}

/** Where the faults of a running server are read (GET) and set (PUT: JSON of a plan, or null for none). */
export const faultsPath = '/_pilotlight/faults';

const planBytes = 64 * 1024;

/** Answers a request to `faultsPath` with the plan that is in force and what it has done so far. */
export async function serveFaults(
  faults: FaultSwitch,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const problem = request.method === 'PUT' ? await setFaults(faults, request) : undefined;
  const { plan = null, counts } = faults;
  const body = JSON.stringify(problem === undefined ? { plan, counts } : { message: problem });
  response
    .writeHead(problem === undefined ? 200 : 400, { 'content-type': 'application/json' })
    .end(body);
}

/** @returns what is wrong with the request, if anything */
async function setFaults(
  faults: FaultSwitch,
  request: IncomingMessage,
): Promise<string | undefined> {
  const body = await readBody(request, planBytes);
  // A web page cannot send this type to another origin unasked, which keeps browsers out.
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim();
  if (type !== 'application/json') {
    return `content-type: expected application/json, got ${type ?? 'none'}`;
  }
  if (body === undefined) return `body: expected at most ${planBytes} bytes`;
  try {
    faults.setPlan(JSON.parse(body.toString()));
    return undefined;
  } catch (error) {
    if (error instanceof FaultPlanError) return error.message;
    if (error instanceof SyntaxError) return `body: expected JSON (${error.message})`;
    throw error;
  }
}
