/** Dead letters as programs get them, on the command line and over HTTP, and the box that they come from. Loads the client of Kafka. */
import { DeadLetterBox, type Letter, type LetterContent } from '../collector/dead-letter-box.ts';
import { systemClock } from '#lib/clock.ts';
import { KafkaClient } from '#lib/kafka/kafka-client.ts';
import { KafkaError } from '#lib/kafka/types.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { decodeUtf8 } from '#schemas/event.ts';
import type { DeadLetterBody, DeadLetterContentBody } from '#schemas/http-api.ts';
import { kafkaTrouble } from '#schemas/kafka-trouble.ts';
import type { Options } from '#schemas/options.ts';
import { topicName } from '#schemas/topics.ts';
import { kafkaClientOptions } from './kafka-options.ts';

export const timeText = (ms: number): string => new Date(ms).toISOString();

export interface OpenBox {
  box: DeadLetterBox;
  kafka: KafkaClient;
}

/** For one piece of work. @throws LeadlineError of Kafka */
export async function withBox<T>(options: Options, work: (opened: OpenBox) => Promise<T>): Promise<T> {
  const kafka = new KafkaClient(kafkaClientOptions(options, 'leadline-dead-letters'));
  const topic = topicName(options.topicPrefix, 'dead-letters');
  try {
    return await work({ kafka, box: new DeadLetterBox(kafka, topic, ms => systemClock.sleep(ms)) });
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    throw kafkaTrouble(error, { brokers: options.kafka, topic, partition: null, operation: 'read' });
  } finally {
    await kafka.close();
  }
}

/** @throws LeadlineError LETTER_NOT_FOUND, where the beginning of an id does not name one */
export function letterNamed(letters: readonly Letter[], id: string): Letter {
  const found = id.length < 4 ? [] : letters.filter(letter => letter.id.startsWith(id.toLowerCase()));
  if (found.length !== 1) throw new LeadlineError('LETTER_NOT_FOUND', { id });
  return found[0]!;
}

export function rowOf({ id, state, reason, deadMs, replayedMs, topic, partition, from, to, source, bytes }: Letter): DeadLetterBody {
  return { id, state, time: timeText(deadMs), replayedAt: replayedMs === null ? null : timeText(replayedMs), reason, topic, partition, recordOffset: String(from), ...(to === from + 1n ? {} : { recordOffsetEnd: String(to) }), source, bytes };
}

export function contentRow(content: LetterContent | null): Pick<DeadLetterContentBody, 'headers' | 'value' | 'valueBase64'> {
  if (content === null) return { headers: null, value: null };
  const value = content.value ?? new Uint8Array(0);
  const text = decodeUtf8(value);
  return { headers: { ...content.headers }, ...(text === null ? { valueBase64: Buffer.from(value).toString('base64') } : { value: text }) };
}
