import { lambdaPayloadBytes } from '../../src/contract/limits.ts';

/** Lambda takes 100 bytes more from a handler than it takes for one (6,291,556 and 6,291,456). */
export const responsePayloadBytes = lambdaPayloadBytes + 100;

/** The error documents that Lambda itself writes, word for word, when a handler could not. */
export function timedOut(requestId: string, timeoutMs: number): string {
  const seconds = (timeoutMs / 1000).toFixed(2);
  return errorDocument(
    'Sandbox.Timedout',
    `RequestId: ${requestId} Error: Task timed out after ${seconds} seconds`,
  );
}

/** The process ended in the middle of an invocation. */
export function exited(
  requestId: string,
  exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null },
): string {
  return errorDocument('Runtime.ExitError', `RequestId: ${requestId} Error: ${exitReason(exit)}`);
}

export function responseTooLarge(): string {
  return errorDocument(
    'Function.ResponseSizeTooLarge',
    `Response payload size exceeded maximum allowed payload size (${responsePayloadBytes} bytes).`,
  );
}

function exitReason(exit: {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}): string {
  if (exit.signal !== null) {
    return `Runtime exited with error: signal: ${signalNames[exit.signal] ?? exit.signal}`;
  }
  return exit.code === 0
    ? 'Runtime exited without providing a reason'
    : `Runtime exited with error: exit status ${exit.code}`;
}

/** As Go prints them, in which Lambda's own supervisor is written. */
const signalNames: Partial<Record<NodeJS.Signals, string>> = {
  SIGABRT: 'aborted',
  SIGBUS: 'bus error',
  SIGFPE: 'floating point exception',
  SIGILL: 'illegal instruction',
  SIGKILL: 'killed',
  SIGSEGV: 'segmentation fault',
  SIGTERM: 'terminated',
};

function errorDocument(errorType: string, errorMessage: string): string {
  return JSON.stringify({ errorType, errorMessage });
}
