/** Fetch, version 11, without a fetch session. */
import { WireWriter } from '../wire.ts';
import type { RequestKind } from '../broker-connection.ts';

export interface FetchedBytes {
  partition: number;
  code: number;
  highWatermark: bigint;
  logStartOffset: bigint;
  /** Record batches one after the other, the last perhaps cut. */
  batches: Buffer;
}

export interface FetchAnswer {
  throttleMs: number;
  code: number;
  partitions: FetchedBytes[];
}

const noReplica = -1;
const readUncommitted = 0;
const noEpoch = -1;

export const fetchKind: RequestKind<FetchAnswer> = {
  name: 'Fetch',
  apiKey: 1,
  version: 11,
  flexible: false,
  read: answer => {
    const throttleMs = answer.int32();
    const code = answer.int16();
    answer.int32();
    const partitions = answer
      .array(() => {
        answer.string();
        return answer.array(() => {
          const partition = answer.int32();
          const partitionCode = answer.int16();
          const highWatermark = answer.int64();
          answer.int64();
          const logStartOffset = answer.int64();
          answer.array(() => {
            answer.int64();
            answer.int64();
          });
          answer.int32();
          const batches = answer.raw(Math.max(0, answer.int32()));
          return { partition, code: partitionCode, highWatermark, logStartOffset, batches };
        });
      })
      .flat();
    return { throttleMs, code, partitions };
  },
};

/** @param limits `bytesMax` is passed by a single batch that is larger */
export function fetchBody(topic: string, positions: readonly { partition: number; offset: bigint }[], limits: { bytesMax: number; maxWaitMs: number }): Uint8Array[] {
  const body = new WireWriter(64 + positions.length * 32)
    .int32(noReplica)
    .int32(limits.maxWaitMs)
    .int32(1)
    .int32(limits.bytesMax)
    .int8(readUncommitted)
    .int32(0)
    .int32(-1)
    .int32(1)
    .string(topic)
    .int32(positions.length);
  for (const { partition, offset } of positions) body.int32(partition).int32(noEpoch).int64(offset).int64(-1n).int32(limits.bytesMax);
  return [body.int32(0).string('').bytes];
}
