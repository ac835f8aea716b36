/** CreateTopics, version 4, and DescribeConfigs, version 2. */
import { WireWriter } from '../wire.ts';
import type { RequestKind } from '../broker-connection.ts';

export interface CreatedTopic {
  name: string;
  code: number;
  message: string | null;
}

export interface NewTopic {
  name: string;
  partitions: number;
  replication: number;
  config: Readonly<Record<string, string>>;
}

export interface DescribedConfig {
  name: string;
  code: number;
  message: string | null;
  config: Record<string, string>;
}

const topicResource = 2;

export const createTopicsKind: RequestKind<CreatedTopic[]> = {
  name: 'CreateTopics',
  apiKey: 19,
  version: 4,
  flexible: false,
  read: answer => {
    answer.int32();
    return answer.array(() => ({ name: answer.string() ?? '', code: answer.int16(), message: answer.string() }));
  },
};

export function createTopicsBody(topics: readonly NewTopic[], timeoutMs: number): Uint8Array[] {
  const body = new WireWriter();
  body.array(topics, ({ name, partitions, replication, config }) => {
    body.string(name).int32(partitions).int16(replication).int32(0);
    body.array(Object.entries(config), ([key, value]) => body.string(key).string(value));
  });
  return [body.int32(timeoutMs).boolean(false).bytes];
}

export const describeConfigsKind: RequestKind<DescribedConfig[]> = {
  name: 'DescribeConfigs',
  apiKey: 32,
  version: 2,
  flexible: false,
  read: answer => {
    answer.int32();
    return answer.array(() => {
      const code = answer.int16();
      const message = answer.string();
      answer.int8();
      const name = answer.string() ?? '';
      const config: Record<string, string> = {};
      answer.array(() => {
        const key = answer.string() ?? '';
        const value = answer.string();
        answer.boolean();
        answer.int8();
        answer.boolean();
        answer.array(() => {
          answer.string();
          answer.string();
          answer.int8();
        });
        if (value !== null) config[key] = value;
      });
      return { name, code, message, config };
    });
  },
};

export function describeConfigsBody(topics: readonly string[]): Uint8Array[] {
  const body = new WireWriter();
  body.array(topics, name => body.int8(topicResource).string(name).int32(-1));
  return [body.boolean(false).bytes];
}
