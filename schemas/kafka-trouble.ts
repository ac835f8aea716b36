/** What Kafka says, in the catalogue's words: where it was, and what a person can do about it. */
import type { KafkaError } from '#lib/kafka/types.ts';
import { LeadlineError } from './errors.ts';

export interface KafkaAttempt {
  brokers: readonly string[];
  topic: string;
  /** Null where the attempt was on the whole topic. */
  partition: number | null;
  operation: 'read' | 'write';
}

export function kafkaTrouble(error: KafkaError, { brokers, topic, partition, operation }: KafkaAttempt): LeadlineError {
  const shown = brokers.join(',');
  const named = { brokers: shown, topic, partition, problem: error.message };
  switch (error.code) {
    case 'UNREACHABLE':
    case 'TIMED_OUT':
      return new LeadlineError('KAFKA_UNREACHABLE', named, { cause: error });
    case 'LOGIN_FAILED':
      return new LeadlineError('KAFKA_LOGIN_FAILED', named, { cause: error });
    case 'TLS_FAILED':
      return new LeadlineError('KAFKA_TLS_FAILED', named, { cause: error });
    case 'UNKNOWN_TOPIC_OR_PARTITION':
      return new LeadlineError('KAFKA_TOPIC_MISSING', named, { cause: error });
    case 'TOPIC_AUTHORIZATION_FAILED':
    case 'CLUSTER_AUTHORIZATION_FAILED':
      return new LeadlineError('KAFKA_NOT_AUTHORIZED', { operation: operation === 'read' ? 'read from' : 'write to', resource: `topic ${topic}` }, { cause: error });
    default: {
      const problem = error.message.includes(error.code) ? error.message : `${error.code}: ${error.message}`;
      return new LeadlineError(operation === 'read' ? 'KAFKA_READ_FAILED' : 'KAFKA_REFUSED', { ...named, problem }, { cause: error });
    }
  }
}
