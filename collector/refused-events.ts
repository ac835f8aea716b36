/**
 * Events that the store refuses for good, such as a document it cannot map, as dead letters: with what the collector has of them, which a replay can
 * put into the hole they left once the cause is mended.
 */
import { systemClock, type Clock } from '#lib/clock.ts';
import { KafkaError, type Kafka } from '#lib/kafka/types.ts';
import type { Log } from '#lib/log.ts';
import { chunkHeaders, countsRecords, type Chunk } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import { DeadLetters } from './dead-letters.ts';
import { lineOf } from './records/record-stream.ts';

const retryDelayMsMax = 30_000;

export class RefusedEvents {
  /** Why a letter does not get away, or null. */
  troubledBy: string | null = null;
  private readonly letters: DeadLetters | null;
  private readonly chunksTopic: string;
  private readonly log: Log;
  private readonly clock: Clock;
  private before: Promise<void> = Promise.resolve();
  private readonly closing = new AbortController();

  /** @param kafka null without Kafka: then a refused event is only told */
  constructor(kafka: Kafka | null, topics: { chunks: string; deadLetters: string }, log: Log, clock: Clock = systemClock) {
    this.letters = kafka === null ? null : new DeadLetters(kafka, topics.deadLetters, log);
    this.chunksTopic = topics.chunks;
    this.log = log;
    this.clock = clock;
  }

  get count(): number {
    return this.letters?.count ?? 0;
  }

  /** One after the other, for as long as it takes. Resolves when the letter is durable. @throws LeadlineError CANCELLED */
  async add(event: LogEvent, reason: string): Promise<void> {
    this.log.error({ event: 'eventRefused', eventId: event.eventId, reason }, `the store refuses an event for good: ${reason}`);
    const { letters } = this;
    if (letters === null) return;
    const sent = this.before.then(() => this.send(letters, event, reason));
    this.before = sent.catch(() => undefined);
    await sent;
  }

  /** Those that wait are given up after a while. */
  async stop(timeoutMs: number): Promise<void> {
    const waited = new AbortController();
    await Promise.race([this.before, this.clock.sleep(timeoutMs, waited.signal)]);
    waited.abort();
    this.closing.abort();
  }

  private async send(letters: DeadLetters, event: LogEvent, reason: string): Promise<void> {
    const chunk = chunkOfEvent(event);
    const { 'll-source': source, ...headers } = chunkHeaders(chunk);
    for (let attempt = 0; !this.closing.signal.aborted; attempt++) {
      try {
        // Which record brought it is not known any more; where its bytes belong is in the headers.
        await letters.send({ reason, topic: this.chunksTopic, partition: 0, from: 0n, to: 1n, key: Buffer.from(source!), value: chunk.value, headers });
        this.troubledBy = null;
        return;
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        this.troubledBy = `an event that the store refused does not get into ${letters.topic}: ${error.message}`;
        await this.clock.sleep(Math.min(retryDelayMsMax, 500 * 2 ** Math.min(attempt, 10)), this.closing.signal);
      }
    }
    throw new LeadlineError('CANCELLED');
  }
}

/** The event's lines as a chunk of its place. The framing that they had is not kept: their lengths in the source are given instead. */
export function chunkOfEvent(event: LogEvent): Chunk {
  const { source, streamId, streamOffset, streamOffsetEnd, service, container, pod, namespace, node, raw, timeNs } = event;
  const value = Buffer.concat([raw, Buffer.from('\n')]);
  const chunk: Chunk = {
    kind: 'lines', source, streamId, offset: streamOffset, end: streamOffsetEnd, codec: 'none', framing: 'plain', lengths: null, part: null, previous: null, gap: null,
    origin: { service, container, pod, namespace, node }, bootId: null, path: null, readMs: Number(timeNs / 1_000_000n), value,
  };
  if (countsRecords(streamId)) return { ...chunk, ...lineOf(value, null) };
  const lengths = Buffer.from(raw).toString('latin1').split('\n').map(line => line.length + 1);
  // What the framing took is counted to the last line.
  const rest = streamOffsetEnd - streamOffset - lengths.slice(0, -1).reduce((sum, length) => sum + length, 0);
  lengths[lengths.length - 1] = rest;
  return { ...chunk, lengths };
}
