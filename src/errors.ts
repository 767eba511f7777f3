/**
 * Every failure that can reach a caller, and the HTTP status that it carries.
 * The list is closed: a new failure is one of these, or earns a line here.
 */
const statusCodes = {
  INVALID_REQUEST: 400,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  TOO_MANY_REQUESTS: 429,
  INTERNAL: 500,
  NOT_IMPLEMENTED: 501,
  /** The model's own files cannot be served (corrupt, unsupported, misconfigured): a new publish mends it. */
  MODEL_UNAVAILABLE: 503,
  /** A dependency or this environment is busy or failing: the same call may succeed later. */
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
} as const;

export type ErrorCode = keyof typeof statusCodes;

/** Every code, for those that describe them. */
export const errorCodes: readonly string[] = Object.keys(statusCodes);

export interface ServingErrorOptions {
  /** What went wrong underneath: logged, never sent. */
  readonly cause?: unknown;
  /** Whether the same work may succeed when tried again. @default true for UNAVAILABLE and TOO_MANY_REQUESTS, else false */
  readonly retryable?: boolean;
  /** Seconds that a caller should wait before it tries again what is retryable (`Retry-After`). @default the edge's own */
  readonly retryAfterSeconds?: number;
  /** Methods that the resource has (`Allow`), for METHOD_NOT_ALLOWED. @default none */
  readonly allowedMethods?: readonly string[];
}

/**
 * A failure with a message that is safe to send: it names the field, what was expected and what came,
 * and never carries a stack, a path or a bucket's name.
 */
export class ServingError extends Error {
  override readonly name = 'ServingError';
  readonly code: ErrorCode;
  /** HTTP status. */
  readonly statusCode: number;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly allowedMethods: readonly string[] | undefined;

  constructor(code: ErrorCode, message: string, options: ServingErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.statusCode = statusCodes[code];
    this.retryable = options.retryable ?? (code === 'UNAVAILABLE' || code === 'TOO_MANY_REQUESTS');
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.allowedMethods = options.allowedMethods;
  }
}

/** A 400 whose message names the field first: `inputs[0].shape: expected ..., got ...`. */
export function invalidRequest(field: string, expected: string, got: string): ServingError {
  return new ServingError('INVALID_REQUEST', `${field}: expected ${expected}, got ${got}`);
}

/** Any thrown value as a `ServingError`: what was not foreseen becomes an INTERNAL that tells nothing. */
export function toServingError(thrown: unknown): ServingError {
  if (thrown instanceof ServingError) return thrown;
  return new ServingError('INTERNAL', 'internal error', { cause: thrown });
}
