/** Stops on a bug: a state that the code around it was written to make impossible. Failures of the outside world are errors, not this. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${message}`);
}
