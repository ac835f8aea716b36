/** The topics as they are in Kafka, beside what they should be; made where they are missing and that is asked for. */
import { setTimeout as pause } from 'node:timers/promises';
import { KafkaAdmin, type DescribedTopic } from '#lib/kafka/kafka-admin.ts';
import { KafkaClient } from '#lib/kafka/kafka-client.ts';
import { KafkaError } from '#lib/kafka/types.ts';
import { kafkaTrouble } from '#schemas/kafka-trouble.ts';
import type { Options } from '#schemas/options.ts';
import { replicationFor, topicConfig, topicKinds, topicName, topicProblems, topics, type TopicKind, type TopicProblem } from '#schemas/topics.ts';
import { kafkaClientOptions } from './kafka-options.ts';

const madeMsMax = 10_000;
const madeLookMs = 100;

export interface TopicFinding {
  topic: string;
  /** `unfit`: there, with problems. `failed`: could not be looked at or made. */
  state: 'ok' | 'made' | 'missing' | 'unfit' | 'failed';
  /** Null where there is no such topic. */
  partitions: number | null;
  replication: number | null;
  problems: TopicProblem[];
}

export interface TopicFindings {
  brokers: number;
  topics: TopicFinding[];
}

/**
 * @param makes whether missing topics are made
 * @throws LeadlineError KAFKA_UNREACHABLE, KAFKA_LOGIN_FAILED, KAFKA_TLS_FAILED, and what is wrong with the options
 */
export async function lookAtTopics(options: Options, makes: boolean): Promise<TopicFindings> {
  const client = new KafkaClient(kafkaClientOptions(options, 'leadline-topics'));
  try {
    const admin = new KafkaAdmin(client);
    const brokers = await admin.brokers();
    const found: TopicFinding[] = [];
    for (const kind of topicKinds) found.push(await lookAtTopic(admin, kind, options.topicPrefix, brokers, makes));
    return { brokers, topics: found };
  } catch (error) {
    throw error instanceof KafkaError ? kafkaTrouble(error, { brokers: options.kafka, topic: topicName(options.topicPrefix, 'chunks'), partition: null, operation: 'read' }) : error;
  } finally {
    await client.close();
  }
}

async function lookAtTopic(admin: KafkaAdmin, kind: TopicKind, prefix: string, brokers: number, makes: boolean): Promise<TopicFinding> {
  const topic = topicName(prefix, kind);
  let doing = 'look at';
  try {
    const before = await admin.describe(topic);
    if (before === null && !makes) return { topic, state: 'missing', partitions: null, replication: null, problems: [{ problem: 'there is no such topic', fix: 'Make it with leadline topics apply.' }] };
    doing = 'create';
    const replication = replicationFor(brokers);
    const isMade = before === null && (await admin.create({ name: topic, partitions: topics[kind].partitions, replication, config: topicConfig(kind, replication) }));
    doing = 'look at';
    const after = before ?? (await describeMade(admin, topic));
    if (after === null) return { topic, state: 'failed', partitions: null, replication: null, problems: [{ problem: 'was made and is not there yet', fix: 'Look again in a moment.' }] };
    const problems = topicProblems(kind, topic, after, brokers);
    return { topic, state: problems.length > 0 ? 'unfit' : isMade ? 'made' : 'ok', partitions: after.partitions, replication: after.replication, problems };
  } catch (error) {
    // What concerns the brokers ends it all; what concerns this topic is told with it.
    if (!(error instanceof KafkaError) || ['UNREACHABLE', 'TIMED_OUT', 'LOGIN_FAILED', 'TLS_FAILED'].includes(error.code)) throw error;
    const isRefused = error.code.endsWith('_AUTHORIZATION_FAILED');
    const problem = isRefused ? { problem: `this user may not ${doing} it`, fix: doing === 'create' ? 'Run it as a user that may create topics, or have them made as docs/topics.md lists them.' : 'Give the user the rights to describe topics and their configuration.' } : { problem: `Kafka refuses to ${doing} it (${error.message})`, fix: 'Ask whoever runs the brokers.' };
    return { topic, state: 'failed', partitions: null, replication: null, problems: [problem] };
  }
}

/** A topic that was just made; not every broker knows it at once. */
async function describeMade(admin: KafkaAdmin, topic: string): Promise<DescribedTopic | null> {
  for (let waitedMs = 0; ; waitedMs += madeLookMs) {
    const found = await admin.describe(topic).catch((error: unknown) => {
      if (error instanceof KafkaError && error.code === 'UNKNOWN_TOPIC_OR_PARTITION') return null;
      throw error;
    });
    if (found !== null || waitedMs >= madeMsMax) return found;
    await pause(madeLookMs);
  }
}
