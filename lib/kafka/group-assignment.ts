/** Who of a group's members gets which partitions, as its leader decides. */

export interface Candidate {
  memberId: string;
  /** `topic:partition`, as it had them last and let go of them itself. */
  had: readonly string[];
}

/**
 * As evenly as can be, and a partition stays where it was as far as that allows. The same for the same members in whatever order.
 * @param partitions `topic:partition`
 * @returns per member
 */
export function assignPartitions(partitions: readonly string[], members: readonly Candidate[]): Map<string, string[]> {
  const ordered = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const assigned = new Map(ordered.map(({ memberId }) => [memberId, [] as string[]]));
  const left = new Set(partitions);
  const least = Math.floor(partitions.length / ordered.length);
  let larger = partitions.length % ordered.length;
  for (const { memberId, had } of ordered) {
    const own = assigned.get(memberId)!;
    for (const partition of had) {
      if (!left.has(partition) || own.length >= least + (larger > 0 ? 1 : 0)) continue;
      own.push(partition);
      left.delete(partition);
      if (own.length === least + 1) larger -= 1;
    }
  }
  for (const partition of [...left].sort()) {
    const [, own] = [...assigned].reduce((fewest, each) => (each[1].length < fewest[1].length ? each : fewest));
    own.push(partition);
  }
  return assigned;
}
