/**
 * What one synchronous invocation of a function came to, as Lambda's Invoke answers it.
 *
 * - `success`: the handler's return value, as JSON text (`null` when it returned nothing).
 * - `error`: a function error (thrown, timed out, process died); the payload is Lambda's error document,
 *   `{"errorType", "errorMessage", ...}` as JSON text.
 * - `throttled`: no execution environment was free (Lambda's 429): the handler has not seen the payload.
 */
export type InvokeResult =
  | { readonly kind: 'success'; readonly payload: string }
  | { readonly kind: 'error'; readonly payload: string }
  | { readonly kind: 'throttled' };
