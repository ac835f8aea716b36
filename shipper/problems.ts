/** What stands in the way, said once when it begins and forgotten when it is over. */
import type { Log } from '#lib/log.ts';
import type { StreamProblem } from './balance.ts';

export class Problems {
  readonly #log: Log;
  readonly #now = new Map<string, StreamProblem>();
  /** Keys of those that the last refresh found. */
  #found: ReadonlySet<string> = new Set();

  constructor(log: Log) {
    this.#log = log;
  }

  all(): StreamProblem[] {
    return [...this.#now.values()];
  }

  report(problem: StreamProblem): void {
    const key = keyOf(problem.code, problem.path);
    if (this.#now.has(key)) return;
    this.#now.set(key, problem);
    this.#log.warn({ event: 'problemFound', path: problem.path, code: problem.code }, problem.message);
  }

  over(code: string, path: string): void {
    if (this.#now.size > 0) this.#now.delete(keyOf(code, path));
  }

  /** All that a refresh found: those of the refresh before that are not among them are over. */
  found(problems: readonly StreamProblem[]): void {
    const keys = new Set(problems.map(problem => keyOf(problem.code, problem.path)));
    // Only a refresh's own: a file that is found and cannot be opened is no news at every refresh.
    for (const key of this.#found) if (!keys.has(key)) this.#now.delete(key);
    this.#found = keys;
    for (const problem of problems) this.report(problem);
  }
}

function keyOf(code: string, path: string): string {
  return `${code}\0${path}`;
}
