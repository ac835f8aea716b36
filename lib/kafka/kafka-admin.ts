/** Topics made and looked at. Nothing that exists is altered. */
import type { Cluster } from './cluster.ts';
import { kafkaErrorOf } from './error-codes.ts';
import type { KafkaClient } from './kafka-client.ts';
import { listGroupsBody, listGroupsKind, type ListedGroup } from './requests/list-groups.ts';
import { createTopicsBody, createTopicsKind, describeConfigsBody, describeConfigsKind, type NewTopic } from './requests/topics.ts';
import { KafkaError } from './types.ts';

export interface DescribedTopic {
  name: string;
  /** 32 hex digits. */
  id: string;
  partitions: number;
  /** The fewest copies that a partition has. */
  replication: number;
  /** What is in force, by Kafka's names. */
  config: Record<string, string>;
}

const createMsMax = 15_000;

export class KafkaAdmin {
  private readonly cluster: Cluster;

  constructor(client: KafkaClient) {
    this.cluster = client.cluster;
  }

  /** How many brokers there are. @throws KafkaError UNREACHABLE, LOGIN_FAILED, ... */
  async brokers(): Promise<number> {
    const { brokers } = await this.cluster.metadata([]);
    return brokers.size;
  }

  /**
   * The topic as it is, or null where there is none (or none that this user may see).
   * @throws KafkaError TOPIC_AUTHORIZATION_FAILED, UNREACHABLE, ...
   */
  async describe(name: string): Promise<DescribedTopic | null> {
    const { topics } = await this.cluster.metadata([name]);
    const topic = topics.find(candidate => candidate.name === name);
    if (topic === undefined || topic.error === 'UNKNOWN_TOPIC_OR_PARTITION') return null;
    if (topic.error !== null) throw new KafkaError(topic.error, `topic ${name}: ${topic.error}`);
    const [described] = await this.cluster.askAny(describeConfigsKind, describeConfigsBody([name]));
    if (described === undefined || described.code !== 0) throw kafkaErrorOf(described?.code ?? -1, `configuration of topic ${name}`, described?.message);
    return { name, id: topic.id, partitions: topic.partitions.length, replication: Math.min(...topic.partitions.map(({ replicas }) => replicas.length)), config: described.config };
  }

  /** The consumer groups that this user may see. @throws KafkaError where one of the brokers does not answer */
  async groups(): Promise<ListedGroup[]> {
    const answers = await this.cluster.askEach(listGroupsKind, listGroupsBody());
    return answers.flatMap(({ code, groups }) => {
      if (code !== 0) throw kafkaErrorOf(code, 'the list of consumer groups');
      return groups;
    });
  }

  /**
   * Makes the topic; resolves when the brokers know it. One that is there already is left as it is.
   * @returns whether it was made
   * @throws KafkaError TOPIC_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED, INVALID_REPLICATION_FACTOR, POLICY_VIOLATION, ...
   */
  async create(topic: NewTopic): Promise<boolean> {
    const [created] = await this.cluster.askAny(createTopicsKind, createTopicsBody([topic], createMsMax));
    if (created === undefined) throw new KafkaError('UNKNOWN_SERVER_ERROR', `no answer about topic ${topic.name}`);
    const error = created.code === 0 ? null : kafkaErrorOf(created.code, `topic ${topic.name}`, created.message);
    if (error !== null && error.code !== 'TOPIC_ALREADY_EXISTS') throw error;
    return error === null;
  }
}
