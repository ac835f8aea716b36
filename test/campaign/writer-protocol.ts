/** What the campaign and its writer processes say to each other. */
import type { WriterFraming } from './framed-line.ts';

export interface WriterSpec {
  /** Its lines carry it; one word. */
  name: string;
  path: string;
  framing: WriterFraming;
  linesPerS: number;
  lineBytes: number;
  /** Every file begins with the same lines, longer than any fingerprint. */
  banner: boolean;
  /** Every so many lines one of `longBytes`; 0 for none. */
  longEvery: number;
  longBytes: number;
  /** How often a write ends in the middle of a line, and, where the framing has them, how often a line goes in pieces. */
  splitShare: number;
  /** Keeps its own offset instead of appending: after a truncation it leaves a hole of NUL bytes. */
  keepsOffset: boolean;
  seed: number;
  /** Where the bytes of each ended file are kept for the auditor. */
  historyFolder: string;
}

/**
 * - `reopen`: closes the file and opens its path anew. `pause`: ends the line that is under way and stops; `resume` goes on.
 * - `renew`: the file was truncated under it; its bytes up to now were one life, the next begin another. `keep` (before a truncation) copies them.
 * - `stop`: ends its line, closes.
 */
export type WriterCommand =
  | { do: 'add'; spec: WriterSpec }
  | { do: 'reopen'; withoutNewline: boolean; harsh: boolean }
  | { do: 'pause' }
  | { do: 'resume' }
  | { do: 'keep'; harsh: boolean }
  | { do: 'renew' }
  | { do: 'rate'; linesPerS: number }
  | { do: 'stop' };

export interface WriterRequest {
  ask: number;
  writer: string;
  command: WriterCommand;
}

export interface WriterReply {
  ask: number;
  /** Number of its last line that is written in full. */
  n: number;
  /** Bytes in its file, as far as it knows. */
  bytes: number;
  problem: string | null;
}

/** One file from its creation (or truncation) to its end, as its writer knows it: a line of `lives.ndjson`. */
export interface Life {
  writer: string;
  path: string;
  inode: string;
  birthTimeNs: string;
  bytes: number;
  /** Banner lines written into it. */
  bannerLines: number;
  /** It was destroyed without waiting for the shipper: what was not read of it is gone. */
  harsh: boolean;
  /** Name of the copy in the history folder. */
  kept: string;
}
