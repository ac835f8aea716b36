import { LeadlineError } from '../errors.ts';

export interface QueryMistake {
  /** 1-based, in UTF-16 units of the query's text, so that `text.slice(column - 1, column - 1 + length)` is what to mark. */
  column: number;
  /** 0 where something is missing at that place. */
  length: number;
  /** What could have stood there, to follow the word "expected". */
  expected: string;
  /** What stands there, to follow the word "got". */
  got: string;
  /** What to write instead, as a sentence. It is part of the message, too. */
  hint: string | null;
}

/** A query that cannot be read. Its message is whole: `column 8: expected a level after "level>=", got "warm". Did you mean warn?` */
export class QuerySyntaxError extends LeadlineError {
  readonly column: number;
  readonly length: number;
  readonly expected: string;
  readonly hint: string | null;

  constructor(mistake: QueryMistake) {
    const { column, length, expected, got, hint } = mistake;
    super('BAD_QUERY', { message: `column ${column}: expected ${expected}, got ${got}${hint === null ? '' : `. ${hint}`}`, column, length, expected, hint });
    this.name = 'QuerySyntaxError';
    this.column = column;
    this.length = length;
    this.expected = expected;
    this.hint = hint;
  }
}
