import { invalidRequest } from '../../errors.ts';
import type { PredictInput } from '../predictor.ts';

/** The text of an input. @throws ServingError INVALID_REQUEST when it is something else */
export function textOf(input: PredictInput): string {
  if (input.kind !== 'text') throw invalidRequest('input', 'text', input.kind);
  return input.text;
}
