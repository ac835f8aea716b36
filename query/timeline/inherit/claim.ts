/** Whose a line is, as far as evidence says, and how often such evidence was right. */
import type { WindowLine } from './window-line.ts';

export const evidenceKinds = ['worker', 'continuation', 'onlyOpen', 'content'] as const;
export type EvidenceKind = (typeof evidenceKinds)[number];

export interface Claim {
  request: string;
  kind: EvidenceKind;
  /** 0 to 1. */
  confidence: number;
  /** In words for a person. */
  because: string;
  /** The line whose id it takes. */
  from: WindowLine;
}

export type Claims = Map<WindowLine, Claim>;

/** The request of a line by its own id, else by what was inferred. */
export function requestOf(line: WindowLine, claims: Claims): string | null {
  return line.request ?? claims.get(line)?.request ?? null;
}

export function confidenceOf(line: WindowLine, claims: Claims): number {
  return line.request !== null ? 1 : (claims.get(line)?.confidence ?? 0);
}

/**
 * How often a kind of evidence was right where the answer is known. Lines that have an id are taken as if they had none, and what the evidence would
 * have said of them is compared with what they say.
 */
export class Record {
  private readonly counts = new Map<string, { right: number; all: number }>();

  add(situation: string, right: boolean): void {
    const count = this.counts.get(situation);
    if (count === undefined) this.counts.set(situation, { right: right ? 1 : 0, all: 1 });
    else {
      count.all += 1;
      if (right) count.right += 1;
    }
  }

  of(situation: string): { right: number; all: number } {
    return this.counts.get(situation) ?? { right: 0, all: 0 };
  }

  /** @param right @param wrong what is assumed to have been seen before anything was (a Beta prior) */
  confidence(situation: string, right: number, wrong: number): number {
    const seen = this.of(situation);
    return (seen.right + right) / (seen.all + right + wrong);
  }
}
