/**
 * What the rest of Leadline needs of a Kafka client; `KafkaClient` is the one implementation. Single attempts only: whoever calls decides when to
 * try again, because only it knows the order that has to be kept.
 */

export interface KafkaTlsFiles {
  /** PEM files, read again when they change. Null leaves the system's authorities, or no client certificate. */
  caPath: string | null;
  certPath: string | null;
  keyPath: string | null;
}

export interface KafkaLogin {
  mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  username: string;
  password: string;
}

export interface KafkaClientOptions {
  /** `host:port`, to begin with. */
  brokers: readonly string[];
  clientId: string;
  tls: KafkaTlsFiles | null;
  login: KafkaLogin | null;
  requestTimeoutMs: number;
}

export interface KafkaTopic {
  name: string;
  /** 32 hex digits; another topic made later under the same name has another. */
  id: string;
  partitions: number;
}

/** A record to produce. */
export interface OutgoingRecord {
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers: Readonly<Record<string, string>>;
}

export const kafkaCodecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type KafkaCodec = (typeof kafkaCodecs)[number];

export interface ProduceAnswer {
  /** recordOffset of the batch's first record. */
  baseOffset: bigint;
  /** The broker's clock at the append where the topic is LogAppendTime, else null. */
  appendTimeMs: number | null;
}

/** A record as it was fetched. Its bytes are views of the answer's memory; copy what is held on to. */
export interface FetchedRecord {
  recordOffset: bigint;
  timestampMs: number;
  key: Uint8Array | null;
  value: Uint8Array | null;
  /** UTF-8; of a name that comes twice the last counts. */
  headers: Readonly<Record<string, string>>;
}

/** A batch that could not be taken apart (damaged, unknown codec): its records are the offsets `[from, to)`. */
export interface DamagedBatch {
  from: bigint;
  to: bigint;
  problem: string;
  bytes: Uint8Array;
}

export interface FetchedPartition {
  partition: number;
  /** Ascending, from the asked offset on. */
  records: FetchedRecord[];
  damaged: DamagedBatch[];
  /** Where to go on: behind everything in this answer. */
  nextOffset: bigint;
  /** Behind the last record that consumers may see. */
  highWatermark: bigint;
  logStartOffset: bigint;
  /** OFFSET_OUT_OF_RANGE and the like; null when it worked. */
  error: KafkaError | null;
}

/** Kafka's own names (`NOT_LEADER_OR_FOLLOWER`), and ours for what happens on the way: `UNREACHABLE`, `TIMED_OUT`, `LOGIN_FAILED`, `TLS_FAILED`, `NO_SUCH_PARTITION`, `CLOSED`. */
export class KafkaError extends Error {
  readonly code: string;
  /** The request may have been carried out all the same: no answer came. */
  readonly unknownOutcome: boolean;

  constructor(code: string, message: string, options: { unknownOutcome?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'KafkaError';
    this.code = code;
    this.unknownOutcome = options.unknownOutcome ?? false;
  }
}

export interface Kafka {
  /** Cached for 30 s and until an answer says that it is out of date. @throws KafkaError UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED, UNREACHABLE, ... */
  topic(name: string): Promise<KafkaTopic>;
  /**
   * One record batch to one partition's leader, acks=all, one attempt. The caller sees to it that one call per partition is under way.
   * Timestamps are the time of the call.
   * @throws KafkaError, with `unknownOutcome` where no answer came.
   */
  produce(topic: string, partition: number, records: readonly OutgoingRecord[], codec: KafkaCodec): Promise<ProduceAnswer>;
  /**
   * Waits up to `maxWaitMs` for at least a byte. Asks each leader once, all at the same time; answers as soon as the first has something, be it an error.
   * `topicId`: only from the topic that has this id; another under its name is UNKNOWN_TOPIC_ID.
   */
  fetch(topic: string, positions: readonly { partition: number; offset: bigint }[], limits: { bytesMax: number; maxWaitMs: number; topicId?: string }): Promise<FetchedPartition[]>;
  /** Per partition, by its number. */
  offsets(topic: string, which: 'earliest' | 'latest'): Promise<bigint[]>;
  close(): Promise<void>;
}
