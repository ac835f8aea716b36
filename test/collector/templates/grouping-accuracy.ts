/** How well lines were put into groups, as the log parsing literature measures it. */

/** Share of lines whose group holds exactly the lines of one group of the truth. */
export function groupingAccuracy(groups: readonly string[], truth: readonly string[]): number {
  const truthSizes = new Map<string, number>();
  for (const name of truth) truthSizes.set(name, (truthSizes.get(name) ?? 0) + 1);
  const members = Map.groupBy(groups.map((name, line) => ({ name, truth: truth[line]! })), ({ name }) => name);
  let right = 0;
  for (const lines of members.values()) {
    const [first] = lines;
    if (lines.every(line => line.truth === first!.truth) && truthSizes.get(first!.truth) === lines.length) right += lines.length;
  }
  return right / groups.length;
}

/** RFC 4180, any newline. */
export function readCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const match of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    if (match[0] === '' && row.length === 0) break;
    row.push(match[1]?.replaceAll('""', '"') ?? match[2]!);
    if (match[3] === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
