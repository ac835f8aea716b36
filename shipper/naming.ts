/** Gives a file its stream's name, as soon as its first bytes allow one. */
import type { LeadlineError } from '#schemas/errors.ts';
import type { Chain } from './chain.ts';
import { checkedBytes, contentProblem } from './content-check.ts';
import { headBytesMax, headOf, streamName } from './file-identity.ts';
import { framingOf } from './framing.ts';
import type { Look } from './stream-feed.ts';
import { lineStartBefore, ownCopyOf, readAt, tailHashAt, type StreamReader } from './stream-reader.ts';
import type { TailedStream } from './tailed-stream.ts';

/** `waiting`: for the first line. An error: it is no log. */
export type Naming = 'named' | 'waiting' | LeadlineError;

const firstBytes = Buffer.alloc(checkedBytes);

/**
 * @param ended no more bytes will come: what is there is the first line
 * @param bootId of the running kernel, for bytes that are seen growing
 */
export function nameStream(stream: TailedStream, chain: Chain, reader: StreamReader, look: Look, ended: boolean, includeBinary: boolean, bootId: string | null): Naming {
  const first = firstBytes.subarray(0, readAt(reader.fd, firstBytes, 0));
  stream.lookedSizeBytes = look.sizeBytes;
  stream.lookedMtimeMs = look.mtimeMs;
  stream.sizeBytes = look.sizeBytes;
  const head = headOf(first.subarray(0, headBytesMax), ended);
  if (head === null) return 'waiting';
  // A known stream's next generation is a log, whatever a truncation left at its start.
  const refusal = stream.name === null ? contentProblem(stream.path, first, includeBinary) : null;
  if (refusal !== null) return refusal;
  stream.head = head.toString('latin1');
  stream.seenStart = ownCopyOf(first.subarray(0, headBytesMax));
  stream.framing = framingOf(first);
  if (stream.name === null) {
    stream.name = streamName(stream.source.sourceId, stream.inode, stream.birthTimeNs, head);
    stream.generation = chain.nextGeneration(stream.name);
  }
  chain.named(stream);
  stream.partition = chain.partition;
  if (stream.unwantedBytes > 0) {
    const wantedFrom = lineStartBefore(reader.fd, Math.min(stream.unwantedBytes, look.sizeBytes));
    if (wantedFrom > 0) stream.skip(tailHashAt(reader.fd, wantedFrom));
  }
  stream.copiesAfterNs = chain.youngestCopyNs?.toString() ?? null;
  stream.previous = chain.lastEnded;
  stream.bootId = bootId;
  return 'named';
}
