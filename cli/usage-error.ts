/** Something that the user can mend; told as one sentence, without a stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
