import { ServingError } from '../../src/errors.ts';

/** The message of the ServingError that must be thrown. */
export function refusal(step: () => unknown): string {
  try {
    step();
  } catch (thrown) {
    if (thrown instanceof ServingError && thrown.code === 'INVALID_REQUEST') return thrown.message;
    throw thrown;
  }
  throw new Error('was not refused');
}
