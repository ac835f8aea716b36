/** Chunks and states as the shipper publishes them. */
import type { OutgoingRecord } from '#lib/kafka/types.ts';
import { chunkHeaders, type Chunk } from '#schemas/chunk.ts';
import type { StreamState } from '#schemas/transport.ts';

export function chunkRecord(chunk: Chunk): OutgoingRecord {
  const { 'll-source': source, ...headers } = chunkHeaders(chunk);
  return { key: Buffer.from(source!), value: Buffer.from(chunk.value), headers };
}

export function stateRecord(state: StreamState): OutgoingRecord {
  return { key: Buffer.from(state.streamId), value: Buffer.from(JSON.stringify(state)), headers: {} };
}
