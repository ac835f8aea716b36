/** The dead letters that `up` and `serve` show. What speaks to Kafka is loaded when somebody asks. */
import type { Letter } from '../collector/dead-letter-box.ts';
import type { DeadLetterSource } from '../query/server.ts';
import type { Options } from '#schemas/options.ts';
import { kafkaClientOptions } from './kafka-options.ts';

/**
 * The topic is read anew for each look, for all who look at the same time together.
 * @returns null where there are no brokers
 * @throws LeadlineError BAD_OPTION, BAD_CONFIG for mistakes in the options of Kafka
 */
export function deadLetterSource(options: Options): DeadLetterSource | null {
  if (options.kafka.length === 0) return null;
  kafkaClientOptions(options, '');
  let reading: Promise<Letter[]> | null = null;
  return {
    list: async () => {
      const { rowOf, withBox } = await import('./dead-letter-rows.ts');
      reading ??= withBox(options, ({ box }) => box.letters()).finally(() => {
        reading = null;
      });
      return (await reading).map(rowOf);
    },
    get: async id => {
      const { contentRow, letterNamed, rowOf, withBox } = await import('./dead-letter-rows.ts');
      return withBox(options, async ({ box }) => {
        const letter = letterNamed(await box.letters(), id);
        return { ...rowOf(letter), ...contentRow(await box.content(letter)) };
      });
    },
  };
}
