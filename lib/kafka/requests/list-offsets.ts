/** ListOffsets, version 5: where partitions begin and end. */
import { WireWriter } from '../wire.ts';
import type { RequestKind } from '../broker-connection.ts';

export interface ListedOffset {
  partition: number;
  code: number;
  offset: bigint;
}

const timestamps = { earliest: -2n, latest: -1n };

export const listOffsetsKind: RequestKind<ListedOffset[]> = {
  name: 'ListOffsets',
  apiKey: 2,
  version: 5,
  flexible: false,
  read: answer => {
    answer.int32();
    return answer
      .array(() => {
        answer.string();
        return answer.array(() => {
          const partition = answer.int32();
          const code = answer.int16();
          answer.int64();
          const offset = answer.int64();
          answer.int32();
          return { partition, code, offset };
        });
      })
      .flat();
  },
};

export function listOffsetsBody(topic: string, partitions: readonly number[], which: 'earliest' | 'latest'): Uint8Array[] {
  const body = new WireWriter().int32(-1).int8(0).int32(1).string(topic).int32(partitions.length);
  for (const partition of partitions) body.int32(partition).int32(-1).int64(timestamps[which]);
  return [body.bytes];
}
