/** Metadata, version 12: who the brokers are and who leads which partition. The first version that tells a topic's id to those who ask by name. */
import { errorNameOf } from '../error-codes.ts';
import { WireWriter } from '../wire.ts';
import type { BrokerAddress, RequestKind } from '../broker-connection.ts';

export interface PartitionMetadata {
  partition: number;
  /** Node, or -1 where there is none at the moment. */
  leader: number;
  replicas: number[];
}

export interface TopicMetadata {
  /** Kafka's name of what is wrong with it, or null. */
  error: string | null;
  name: string;
  /** 32 hex digits. */
  id: string;
  /** By number. */
  partitions: PartitionMetadata[];
}

export interface Metadata {
  brokers: Map<number, BrokerAddress>;
  controller: number;
  topics: TopicMetadata[];
}

export const metadataKind: RequestKind<Metadata> = {
  name: 'Metadata',
  apiKey: 3,
  version: 12,
  flexible: true,
  read: answer => {
    answer.int32();
    const brokers = new Map<number, BrokerAddress>();
    answer.compactArray(() => {
      const node = answer.int32();
      brokers.set(node, { host: answer.compactString() ?? '', port: answer.int32() });
      answer.compactString();
      answer.skipTags();
    });
    answer.compactString();
    const controller = answer.int32();
    const topics = answer.compactArray(() => {
      const code = answer.int16();
      const name = answer.compactString() ?? '';
      const id = answer.uuid();
      answer.boolean();
      const partitions = answer.compactArray(() => {
        // A partition's own error says what its missing leader says.
        answer.int16();
        const partition = answer.int32();
        const leader = answer.int32();
        answer.int32();
        const replicas = answer.compactArray(() => answer.int32());
        answer.compactArray(() => answer.int32());
        answer.compactArray(() => answer.int32());
        answer.skipTags();
        return { partition, leader, replicas };
      });
      answer.int32();
      answer.skipTags();
      return { error: code === 0 ? null : errorNameOf(code), name, id, partitions: partitions.sort((a, b) => a.partition - b.partition) };
    });
    return { brokers, controller, topics };
  },
};

/** Asked for these topics only; none is made by asking. */
export function metadataBody(topics: readonly string[]): Uint8Array[] {
  const body = new WireWriter().unsignedVarint(topics.length + 1);
  for (const name of topics) body.raw(new Uint8Array(16)).compactString(name).noTags();
  return [body.boolean(false).boolean(false).noTags().bytes];
}
