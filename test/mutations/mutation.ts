/** A defence taken away: edits to a scratch copy of the tree, and the proof that must then fail. */
import type { FaultKind } from '../campaign/fault.ts';

export interface Edit {
  file: string;
  /** Stands there exactly once. */
  search: string;
  replace: string;
}

/** Real processes under these faults only, with a Leadline from the mutated tree. */
export interface CampaignProof {
  kinds: readonly FaultKind[];
  /** Log shapes; all without it. */
  logs?: readonly string[];
  /** As the campaign takes them; one shipper on one broker without it. */
  cells?: string;
  faults: number;
  minutes: number;
  linesPerS?: number;
}

export interface Mutation {
  name: string;
  /** The defence that is gone, in a sentence. */
  without: string;
  edits: readonly Edit[];
  /** Test files, where the hole is too narrow for faults at random moments. */
  proof: { campaign: CampaignProof } | { tests: readonly string[] };
}
