/** A mistake in a query: where it is, what was expected there and, where there is a guess, what to write. */
export class QuerySyntaxError extends Error {
  /** 1-based, in characters. */
  readonly column: number;
  readonly length: number;
  readonly expected: string;
  readonly hint: string | null;

  constructor(column: number, length: number, expected: string, found: string, hint: string | null = null) {
    super(`column ${column}: expected ${expected}, got ${found}${hint === null ? '' : `. ${hint}`}`);
    this.name = 'QuerySyntaxError';
    this.column = column;
    this.length = length;
    this.expected = expected;
    this.hint = hint;
  }
}
