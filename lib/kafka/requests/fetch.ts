/**
 * Fetch, version 13, without a fetch session. It names the topic by its id, so that a topic that was deleted and made again is an error and not
 * read on from where the old one was.
 */
import { WireWriter } from '../wire.ts';
import type { RequestKind } from '../broker-connection.ts';

export interface FetchedBytes {
  partition: number;
  code: number;
  highWatermark: bigint;
  logStartOffset: bigint;
  /** Transactions that were given up, with records in `batches`. */
  aborted: AbortedTransaction[];
  /** Record batches one after the other, the last perhaps cut. */
  batches: Buffer;
}

export interface AbortedTransaction {
  producerId: bigint;
  firstOffset: bigint;
}

export interface FetchAnswer {
  throttleMs: number;
  code: number;
  partitions: FetchedBytes[];
}

const noReplica = -1;
/** Nothing behind the first record of a transaction that is open. */
const readCommitted = 1;
const noEpoch = -1;
const noSession = 0;
const noOffset = -1n;

export const fetchKind: RequestKind<FetchAnswer> = {
  name: 'Fetch',
  apiKey: 1,
  version: 13,
  flexible: true,
  read: answer => {
    const throttleMs = answer.int32();
    const code = answer.int16();
    answer.int32();
    const partitions = answer
      .compactArray(() => {
        answer.uuid();
        const read = answer.compactArray(() => {
          const partition = answer.int32();
          const partitionCode = answer.int16();
          const highWatermark = answer.int64();
          answer.int64();
          const logStartOffset = answer.int64();
          const aborted = answer.compactArray(() => {
            const transaction = { producerId: answer.int64(), firstOffset: answer.int64() };
            answer.skipTags();
            return transaction;
          });
          answer.int32();
          const batches = answer.raw(Math.max(0, answer.unsignedVarint() - 1));
          answer.skipTags();
          return { partition, code: partitionCode, highWatermark, logStartOffset, aborted, batches };
        });
        answer.skipTags();
        return read;
      })
      .flat();
    return { throttleMs, code, partitions };
  },
};

/** @param limits `bytesMax` is passed by a single batch that is larger */
export function fetchBody(topicId: string, positions: readonly { partition: number; offset: bigint }[], limits: { bytesMax: number; maxWaitMs: number }): Uint8Array[] {
  const body = new WireWriter(64 + positions.length * 40)
    .int32(noReplica)
    .int32(limits.maxWaitMs)
    .int32(1)
    .int32(limits.bytesMax)
    .int8(readCommitted)
    .int32(noSession)
    .int32(noEpoch)
    .unsignedVarint(2)
    .raw(Buffer.from(topicId, 'hex'))
    .unsignedVarint(positions.length + 1);
  for (const { partition, offset } of positions) body.int32(partition).int32(noEpoch).int64(offset).int32(noEpoch).int64(noOffset).int32(limits.bytesMax).noTags();
  return [body.noTags().unsignedVarint(1).compactString('').noTags().bytes];
}
