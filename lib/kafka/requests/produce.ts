/** Produce, version 8: one ready-made record batch to one partition, acks=all. */
import { WireWriter } from '../wire.ts';
import type { RequestKind } from '../broker-connection.ts';

export interface ProducedPartition {
  code: number;
  baseOffset: bigint;
  /** -1 unless the topic is LogAppendTime. */
  appendTimeMs: bigint;
  message: string | null;
  throttleMs: number;
}

const acksAll = -1;

export const produceKind: RequestKind<ProducedPartition> = {
  name: 'Produce',
  apiKey: 0,
  version: 8,
  flexible: false,
  read: answer => {
    const [partition] = answer
      .array(() => {
        answer.string();
        return answer.array(() => {
          answer.int32();
          const code = answer.int16();
          const baseOffset = answer.int64();
          const appendTimeMs = answer.int64();
          answer.int64();
          const recordErrors = answer.array(() => {
            answer.int32();
            return answer.string();
          });
          const message = answer.string() ?? recordErrors.find(text => text !== null) ?? null;
          return { code, baseOffset, appendTimeMs, message };
        });
      })
      .flat();
    const throttleMs = answer.int32();
    return { ...(partition ?? { code: -1, baseOffset: -1n, appendTimeMs: -1n, message: 'the answer names no partition' }), throttleMs };
  },
};

/** @param batch in pieces; the last parts of the request, so that they are sent as they lie in memory */
export function produceBody(topic: string, partition: number, batch: readonly Uint8Array[], timeoutMs: number): Uint8Array[] {
  const batchBytes = batch.reduce((sum, piece) => sum + piece.length, 0);
  const head = new WireWriter()
    .string(null)
    .int16(acksAll)
    .int32(timeoutMs)
    .int32(1)
    .string(topic)
    .int32(1)
    .int32(partition)
    .int32(batchBytes);
  return [head.bytes, ...batch];
}
