/**
 * The dead letters as they lie in their topic: read to its end as it is now, each told once however often it was written, and known as replayed where a
 * mark says so. A mark is a record of the same topic, so whoever looks, from any machine, knows the same.
 */
import { createHash } from 'node:crypto';
import { KafkaError, type FetchedPartition, type FetchedRecord, type Kafka } from '#lib/kafka/types.ts';
import { partitionOf, type LetterLines } from './dead-letters.ts';
import { recordFormats } from './records/record-stream.ts';

/** `waiting`, `replayed`, or `returned`: it was replayed and could not be taken in again, as this letter. */
export type LetterState = 'waiting' | 'replayed' | 'returned';

export interface Letter {
  /** 16 hexadecimal digits, made from what the record was and where it lay. */
  id: string;
  state: LetterState;
  reason: string;
  /** When it became a dead letter, milliseconds since the epoch. */
  deadMs: number;
  replayedMs: number | null;
  /** Where the record lay: half-open `[from, to)`, more than one record only for a batch that could not be taken apart. */
  topic: string;
  partition: number;
  from: bigint;
  to: bigint;
  source: string | null;
  bytes: number;
  /** Of a topic that others fill; null for a chunk or a stream's state. */
  lines: LetterLines | null;
  /** True where the topic did not take a value of this size: it lies in the record's own topic only. */
  isCut: boolean;
  /** Where the letter lies. */
  at: { partition: number; recordOffset: bigint };
}

export interface LetterContent {
  key: Uint8Array | null;
  value: Uint8Array | null;
  /** Those of the record. */
  headers: Readonly<Record<string, string>>;
}

const fetchBytesMax = 16 * 1024 * 1024;
const attemptsMax = 20;
const retryDelayMs = 250;
const ownHeaders = /^ll-dead-/;
/** The id of the letter that a record was replayed from. It travels on, should the record come back. */
export const replayedFromHeader = 'll-dead-letter';
const markHeader = 'll-dead-replayed';

export class DeadLetterBox {
  private readonly kafka: Kafka;
  private readonly topic: string;
  private readonly pause: (ms: number) => Promise<void>;

  constructor(kafka: Kafka, topic: string, pause: (ms: number) => Promise<void>) {
    this.kafka = kafka;
    this.topic = topic;
    this.pause = pause;
  }

  /** In the order in which the records lay. @throws KafkaError after some attempts */
  async letters(): Promise<Letter[]> {
    const letters = new Map<string, Letter>();
    const marks = new Map<string, number>();
    for await (const { partition, record } of this.records()) {
      const marked = record.headers[markHeader];
      if (marked !== undefined) marks.set(marked, record.timestampMs);
      else {
        const letter = letterOf(partition, record);
        // Written twice where an acknowledgement was lost.
        if (!letters.has(letter.id)) letters.set(letter.id, letter);
      }
    }
    for (const letter of letters.values()) {
      letter.replayedMs = marks.get(letter.id) ?? null;
      if (letter.replayedMs !== null) letter.state = 'replayed';
    }
    return [...letters.values()].sort((a, b) => (a.topic !== b.topic ? (a.topic < b.topic ? -1 : 1) : a.partition - b.partition || (a.from < b.from ? -1 : 1)));
  }

  /** What the letter holds; of one that was cut, what lies in its own topic, or null where that has let it go. @throws KafkaError */
  async content({ at, isCut, topic, partition, from, lines }: Letter): Promise<LetterContent | null> {
    const letter = await this.recordAt(this.topic, at.partition, at.recordOffset);
    if (letter === null) return null;
    const { key, value, headers } = isCut ? ((await this.recordAt(topic, partition, from, lines?.topicId)) ?? { ...letter, value: null }) : letter;
    if (isCut && value === null) return null;
    return { key, value, headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !ownHeaders.test(name))) };
  }

  /** Durable when it resolves. @throws KafkaError */
  async markReplayed({ id, source }: Letter): Promise<void> {
    const key = source === null ? null : Buffer.from(source);
    const { partitions } = await this.again(() => this.kafka.topic(this.topic));
    await this.again(() => this.kafka.produce(this.topic, partitionOf(key, partitions), [{ key, value: null, headers: { [markHeader]: id } }], 'none'));
  }

  private async *records(): AsyncGenerator<{ partition: number; record: FetchedRecord }> {
    const earliest = await this.again(() => this.kafka.offsets(this.topic, 'earliest'));
    const latest = await this.again(() => this.kafka.offsets(this.topic, 'latest'));
    for (const [partition, end] of latest.entries()) {
      for (let offset = earliest[partition]!; offset < end; ) {
        const { records, nextOffset } = await this.fetch(this.topic, partition, offset);
        for (const record of records) if (record.recordOffset < end) yield { partition, record };
        offset = nextOffset;
      }
    }
  }

  /** @param topicId only of the topic that has it */
  private async recordAt(topic: string, partition: number, recordOffset: bigint, topicId?: string): Promise<FetchedRecord | null> {
    try {
      const { records } = await this.fetch(topic, partition, recordOffset, topicId);
      return records.find(record => record.recordOffset === recordOffset) ?? null;
    } catch (error) {
      if (error instanceof KafkaError && (error.code === 'OFFSET_OUT_OF_RANGE' || (topicId !== undefined && gone.has(error.code)))) return null;
      throw error;
    }
  }

  private fetch(topic: string, partition: number, offset: bigint, topicId?: string): Promise<FetchedPartition> {
    return this.again(async () => {
      const [answer] = await this.kafka.fetch(topic, [{ partition, offset }], { bytesMax: fetchBytesMax, maxWaitMs: 1000, ...(topicId === undefined ? {} : { topicId }) });
      if (answer === undefined || (answer.error === null && answer.nextOffset === offset)) throw new KafkaError('TIMED_OUT', `no answer for record ${offset} of ${topic} partition ${partition}`);
      if (answer.error !== null) throw answer.error;
      return answer;
    });
  }

  private async again<T>(attempt: () => Promise<T>): Promise<T> {
    for (let attempts = 1; ; attempts++) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof KafkaError) || attempts === attemptsMax || lasting.has(error.code)) throw error;
        await this.pause(retryDelayMs);
      }
    }
  }
}

/** What no second attempt changes. */
const gone = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID']);
const lasting = new Set([...gone, 'OFFSET_OUT_OF_RANGE', 'TOPIC_AUTHORIZATION_FAILED', 'LOGIN_FAILED', 'TLS_FAILED', 'MESSAGE_TOO_LARGE']);

function letterOf(at: number, { recordOffset, timestampMs, key, value, headers }: FetchedRecord): Letter {
  const topic = headers['ll-dead-topic'] ?? '';
  const partition = Number(naturalOf(headers['ll-dead-partition']) ?? 0n);
  const from = naturalOf(headers['ll-dead-offset']) ?? 0n;
  const id = createHash('sha256').update(JSON.stringify([topic, partition, String(from), headers['ll-stream'] ?? null, headers['ll-offset'] ?? null])).update(key ?? '').update(value ?? '').digest('hex').slice(0, 16);
  const cutBytes = headers['ll-dead-bytes'];
  return {
    id,
    state: headers[replayedFromHeader] === undefined ? 'waiting' : 'returned',
    reason: headers['ll-dead-reason'] ?? 'no reason was given',
    deadMs: timestampMs,
    replayedMs: null,
    topic,
    partition,
    from,
    to: naturalOf(headers['ll-dead-offset-end']) ?? from + 1n,
    source: key === null ? null : Buffer.from(key).toString('utf8'),
    bytes: cutBytes === undefined ? (value?.length ?? 0) : Number(cutBytes),
    lines: linesOf(headers),
    isCut: cutBytes !== undefined,
    at: { partition: at, recordOffset },
  };
}

function linesOf(headers: Readonly<Record<string, string>>): LetterLines | null {
  const topicId = headers['ll-dead-topic-id'];
  const format = recordFormats.find(known => known === headers['ll-dead-format']);
  return topicId === undefined || format === undefined ? null : { topicId, format, timestampMs: Number(naturalOf(headers['ll-dead-ms']) ?? 0n) };
}

function naturalOf(text: string | undefined): bigint | null {
  return text !== undefined && /^\d{1,18}$/.test(text) ? BigInt(text) : null;
}
