/** Gathers what `copyCase` judges: is this unknown file a copy of that stream? */
import type { FoundFile } from './discovery.ts';
import { firstBytesOf, openReader, readAt, StreamReader, tailAgrees } from './stream-reader.ts';
import { headAgrees, headBytesMax } from './file-identity.ts';
import type { FileSource } from './file-source.ts';
import { copyCase, type CopyCase } from './rotation.ts';
import type { TailedStream } from './tailed-stream.ts';

/**
 * @param original the stream's own file where it still holds the stream's bytes, or a copy already bound to it
 * @param remembered the checkpoint has it bound to the stream
 * @returns `notNow` where the candidate cannot be opened now, or its path names another file
 * @throws system errors of reading the candidate
 */
export function judgeCopy(candidate: FoundFile, source: FileSource, stream: TailedStream, original: StreamReader | null, remembered: boolean): CopyCase | 'notNow' {
  const relatedName = source.chain === stream.source.chain && source.rotation !== null;
  const bornLater = candidate.birthTimeNs === null || stream.birthTimeNs === null || BigInt(candidate.birthTimeNs) > BigInt(stream.birthTimeNs);
  if (!relatedName || !bornLater) return 'notCopy';
  const reader = openReader(candidate.path, candidate.inode);
  if (reader === null) return 'notNow';
  const { fd } = reader;
  try {
    const first = firstBytesOf(fd);
    const { tail, seenStart } = stream;
    return copyCase({
      relatedName,
      bornLater,
      wholeFirstLine: first.length >= headBytesMax || first.includes(10),
      headAgrees: headAgrees(stream.head, first),
      candidateBytes: candidate.sizeBytes,
      headBytes: stream.head.length,
      position: stream.position,
      startAgrees: seenStart === null || seenStart.length <= stream.head.length ? null : first.subarray(0, seenStart.length).equals(seenStart),
      remembered,
      tailAgrees: tail === null || candidate.sizeBytes < tail.at ? null : tailAgrees(fd, tail),
      prefixOfOriginal: original === null ? null : isPrefix(fd, candidate.sizeBytes, original.fd),
    });
  } finally {
    reader.close();
  }
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
