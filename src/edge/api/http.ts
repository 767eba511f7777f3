/** An HTTP request as the routes see it, whatever carried it here. */
export interface HttpRequest {
  readonly method: string;
  /** Still percent-encoded where the carrier left it so. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Text where the carrier had text. */
  readonly body: string | Uint8Array;
  /**
   * Gives the body's memory back, to hold the bodies of calls to come: for the one route that knows when nothing reads it any
   * more, not a view and not an answer that shares it. @default the memory is the body's own
   */
  readonly releaseBody?: (() => void) | undefined;
  /** Identifies the call from end to end. */
  readonly requestId: string;
  /** Models that the caller may use; undefined for every model. */
  readonly allowedModels: ReadonlySet<string> | undefined;
  /** Milliseconds in which the host wants the answer. @default whenever it comes */
  readonly remainingMs?: number | undefined;
}

/** An answer of a route. */
export interface HttpResponse {
  readonly statusCode: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** The whole HTTP surface, and each step around it. */
export type Api = (request: HttpRequest) => Promise<HttpResponse>;

export function jsonResponse(
  document: unknown,
  options: {
    readonly statusCode?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): HttpResponse {
  return {
    statusCode: options.statusCode ?? 200,
    headers: { 'content-type': 'application/json', ...options.headers },
    body: JSON.stringify(document),
  };
}

/** An answer whose status says it all. */
export function emptyResponse(statusCode: number): HttpResponse {
  return { statusCode, headers: {}, body: '' };
}
