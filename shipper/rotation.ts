/**
 * What happened to a file, as tables of cases: pure functions from what is known of a stream and what one look at a path saw. An error is never
 * evidence that a file is gone.
 */

/** One look at a file that a stream is known for. `headAgrees` and `tailAgrees` are null where the bytes were not compared. */
export type Look =
  | { seen: 'absent' }
  | { seen: 'error'; systemCode: string }
  | { seen: 'file'; samePath: boolean; sameFile: boolean; sizeBytes: number; headAgrees: boolean | null; tailAgrees: boolean | null };

export interface Known {
  /** The largest size ever seen of the file in this generation. */
  sizeBytes: number;
}

/**
 * - `same`: read on. `renamed`: read on, under the old identity. `truncated`: the next generation begins.
 * - `replaced`: another file has the path; the stream's own file has to be looked for elsewhere. `new`: nothing is known of it.
 * - `gone`: the file is nowhere; what is open of it can still be read. `unknown`: an error; look again later.
 */
export type FileCase = 'same' | 'renamed' | 'truncated' | 'replaced' | 'new' | 'gone' | 'unknown';

/** Only these say that there is no file at a path. EACCES, EMFILE, EIO and all others say that we could not look. */
export function meansAbsent(systemCode: string | null): boolean {
  return systemCode === 'ENOENT' || systemCode === 'ENOTDIR';
}

export function fileCase(known: Known | null, look: Look): FileCase {
  if (look.seen === 'error') return meansAbsent(look.systemCode) ? 'gone' : 'unknown';
  if (look.seen === 'absent') return 'gone';
  if (known === null) return 'new';
  if (!look.sameFile) return 'replaced';
  if (look.sizeBytes < known.sizeBytes || look.headAgrees === false || look.tailAgrees === false) return 'truncated';
  return look.samePath ? 'same' : 'renamed';
}

/** What was compared between a file that nobody knows and a stream it may be a copy of (`app.log.1` made by copytruncate). */
export interface CopyEvidence {
  /** Same rotation chain, and the candidate carries a rotation suffix. */
  relatedName: boolean;
  /** Born before the stream's file, or there already when the stream began. False where birth times are not kept, as the next three. */
  isOlder: boolean;
  /** Born after the stream began. */
  isLater: boolean;
  /** Born after the stream's file was truncated. */
  isYounger: boolean;
  /** The stream's file was truncated, and it was born before that and after the stream began. */
  isBetween: boolean;
  /** Born when the stream's bytes had been read up to the position: a copy made then has at least those. */
  isBornBehind: boolean;
  wholeFirstLine: boolean;
  headAgrees: boolean;
  candidateBytes: number;
  headBytes: number;
  position: number;
  /** The candidate begins with all that was seen of the stream's start (more than its first line); null where no more was seen. */
  startAgrees: boolean | null;
  /** The checkpoint has it bound to the stream already. */
  remembered: boolean;
  /** Hash before the position; null where the candidate is shorter than it or no hash is known. */
  tailAgrees: boolean | null;
  /** Whether it is a prefix of the original, or one of it and a copy of the other; null where neither the original nor a copy bound to the stream can be read. */
  agreesWithOriginal: boolean | null;
}

/**
 * - `copy`: read on from our position under the old stream. `nothingNew`: a copy that ends before our position.
 * - `undecided`: the position lies inside the head, nothing is proven yet; ask again when it or the candidate has grown.
 * - `tooShort`: not a copy unless it is still being made.
 * - `copyOfTruncated`: everything says that it is a copy, but the stream's file has other bytes than it: that file was truncated and begins alike.
 */
export type CopyCase = 'notCopy' | 'copy' | 'nothingNew' | 'undecided' | 'tooShort' | 'copyOfTruncated';

/**
 * Bytes alone do not tell files apart that begin alike, as those do that a service opens with the same lines at every start, while the position lies
 * there or the candidate ends there; when they were born does.
 */
export function copyCase(evidence: CopyEvidence): CopyCase {
  const { position, candidateBytes, remembered } = evidence;
  if (!evidence.relatedName || !evidence.wholeFirstLine || !evidence.headAgrees) return 'notCopy';
  if (evidence.tailAgrees === false || evidence.startAgrees === false) return 'notCopy';
  // A copy may be made of a copy, as by unpacking its archive: then it has everything up to the position and nothing behind it.
  const isWhole = evidence.tailAgrees === true && candidateBytes === position;
  if (evidence.isOlder || (evidence.isYounger && !isWhole && !remembered)) return 'notCopy';
  if (evidence.agreesWithOriginal === false) return evidence.isLater && candidateBytes >= position ? 'copyOfTruncated' : 'notCopy';
  if (position <= evidence.headBytes && evidence.startAgrees === null && !evidence.isBetween && !remembered) return 'undecided';
  if (candidateBytes > position) return 'copy';
  if (candidateBytes < position && evidence.isBornBehind && evidence.agreesWithOriginal === null && !remembered) return 'tooShort';
  return 'nothingNew';
}
