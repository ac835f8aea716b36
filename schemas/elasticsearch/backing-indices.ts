/** The backing indices of a data stream, from the answer of `_resolve/index`, which every server has. */

interface Resolved {
  data_streams?: { name: string; backing_indices: string | string[] }[];
}

/** Whether it is such an answer at all, and not a gateway's. */
export function isResolved(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && Array.isArray((answer as Resolved).data_streams);
}

/** Oldest first: in the order of their generations. */
export function backingIndicesIn(answer: unknown, dataStream: string): string[] {
  const stream = (answer as Resolved).data_streams?.find(({ name }) => name === dataStream);
  return [stream?.backing_indices ?? []].flat().sort((a, b) => generationOf(a) - generationOf(b));
}

export function generationOf(index: string): number {
  return Number(/-(\d+)$/.exec(index)?.[1] ?? 0);
}
