/** Where in a refused query the mistake is, and the sentence without the column it begins with. */
export interface QueryMistake {
  /** 1-based, counted in UTF-16 units as the parser counts; null where the answer names none. */
  column: number | null;
  message: string;
}

export function readMistake(message: string, query: string): QueryMistake {
  const match = /\bcolumn (\d+)(?::\s*)?/.exec(message);
  if (match === null) return { column: null, message };
  const column = Math.min(Math.max(1, Number(match[1])), query.length + 1);
  return { column, message: match.index === 0 ? message.slice(match[0].length) : message };
}
