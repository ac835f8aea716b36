/** Gathers what `copyCase` judges: is this unknown file a copy of that stream? */
import { systemCodeOf } from '#schemas/errors.ts';
import type { FoundFile } from './discovery.ts';
import { firstBytesOf, openReader, readAt, StreamReader, tailAgrees } from './stream-reader.ts';
import { headAgrees, headBytesMax } from './file-identity.ts';
import type { FileSource } from './file-source.ts';
import { copyCase, type CopyCase, type CopyEvidence } from './rotation.ts';
import type { TailedStream } from './tailed-stream.ts';

/**
 * @param original the stream's own file where it still holds the stream's bytes: a copy has no byte more
 * @param copy one that is bound to the stream: of two copies either may be the longer one
 * @param remembered the checkpoint has it bound to the stream
 * @returns `notNow` where the candidate cannot be opened now, or its path names another file
 * @throws system errors of reading the candidate
 */
export function judgeCopy(candidate: FoundFile, source: FileSource, stream: TailedStream, original: StreamReader | null, copy: StreamReader | null, remembered: boolean): CopyCase | 'notNow' {
  const relatedName = source.chain === stream.source.chain && source.rotation !== null;
  const birth = birthOf(candidate, stream);
  if (!relatedName || birth.isOlder) return 'notCopy';
  const reader = openReader(candidate.path, candidate.inode);
  if (reader === null) return 'notNow';
  const { fd } = reader;
  try {
    const first = firstBytesOf(fd);
    const { tail, seenStart } = stream;
    return copyCase({
      relatedName,
      ...birth,
      wholeFirstLine: first.length >= headBytesMax || first.includes(10),
      headAgrees: headAgrees(stream.head, first),
      candidateBytes: candidate.sizeBytes,
      headBytes: stream.head.length,
      position: stream.position,
      startAgrees: seenStart === null || seenStart.length <= stream.head.length ? null : first.subarray(0, seenStart.length).equals(seenStart),
      remembered,
      tailAgrees: tail === null || candidate.sizeBytes < tail.at ? null : tailAgrees(fd, tail),
      agreesWithOriginal: original !== null ? isPrefix(fd, candidate.sizeBytes, original.fd) : copy !== null ? isPrefix(fd, Math.min(candidate.sizeBytes, copy.stats().size), copy.fd) : null,
    });
  } finally {
    reader.close();
  }
}

/** Whether a rotated file is a copy of the stream while the stream's own file, which begins like it, goes on with other bytes. */
export function showsTruncation({ file, source }: { file: FoundFile; source: FileSource }, stream: TailedStream, own: StreamReader): boolean {
  try {
    return judgeCopy(file, source, stream, own, null, false) === 'copyOfTruncated';
  } catch (error) {
    if (systemCodeOf(error) === null) throw error;
    return false; // cannot be read now, and says nothing
  }
}

type BirthEvidence = Pick<CopyEvidence, 'isOlder' | 'isLater' | 'isYounger' | 'isBetween' | 'isBornBehind'>;

/** Where birth times are not kept, or say nothing. */
export const noBirth: BirthEvidence = { isOlder: false, isLater: false, isYounger: false, isBetween: false, isBornBehind: false };

/** What birth times say. */
export function birthOf(candidate: { birthTimeNs: string | null }, stream: TailedStream): BirthEvidence {
  if (candidate.birthTimeNs === null) return noBirth;
  const bornNs = BigInt(candidate.birthTimeNs);
  const isAfter = (ms: number | null): boolean => ms !== null && bornNs > nsOf(ms);
  // Born within one tick of the file system's clock, either may be the older one.
  const sinceBirthNs = stream.birthTimeNs === null ? 0n : bornNs - BigInt(stream.birthTimeNs);
  const isOlder = sinceBirthNs < 0n || (stream.copiesAfterNs !== null && bornNs <= BigInt(stream.copiesAfterNs));
  const isLater = !isOlder && sinceBirthNs > 0n;
  // While its copy is looked for, when exactly it was truncated is not known: the new size can be seen before the new time.
  const isYounger = !stream.awaitsCopy && isAfter(stream.truncatedMs);
  return { isOlder, isLater, isYounger, isBetween: isLater && stream.truncatedMs !== null && !isYounger, isBornBehind: isAfter(stream.readMtimeMs) };
}

/** Rounded up by a microsecond at most: as `Stats` has it, a time is finer than that and not whole. */
function nsOf(ms: number): bigint {
  return BigInt(Math.ceil(ms * 1000)) * 1000n;
}

/** As `Stats` has a time, not before it. */
export function msOf(ns: bigint): number {
  return Number(ns / 1000n + 1n) / 1000;
}

const blocks = [Buffer.alloc(256 * 1024), Buffer.alloc(256 * 1024)] as const;

function isPrefix(fd: number, sizeBytes: number, originalFd: number): boolean {
  for (let at = 0; at < sizeBytes; at += blocks[0].length) {
    const want = Math.min(blocks[0].length, sizeBytes - at);
    const [a, b] = [blocks[0].subarray(0, want), blocks[1].subarray(0, want)];
    if (readAt(fd, a, at) !== want || readAt(originalFd, b, at) !== want || !a.equals(b)) return false;
  }
  return true;
}
