/**
 * A collector of one stream that is killed at any time: goes back some lines behind what is stored, as a consumer does that was not told of its last
 * commits, and appends batches without end, telling how far it is durable. Arguments: address, namespace, a seed.
 */
import { writeSync } from 'node:fs';
import { ElasticsearchWriter } from '../../../../collector/store/elasticsearch/elasticsearch-writer.ts';
import { subtractRanges } from '#lib/byte-ranges.ts';
import { madeEvent, madeSignal } from '../../../contract/made-up.ts';
import { serverAt, writerOptions } from '../../../helpers/elasticsearch-store.ts';
import { seededNumbers } from '../../../bench/ship-lines.ts';

const [url, namespace, seed] = process.argv.slice(2) as [string, string, string];
const lineBytes = 10;
const random = seededNumbers(Number(seed));
const server = serverAt(url);
const writer = new ElasticsearchWriter(writerOptions(server, namespace));
await writer.open();
await writer.load(['a']);
const stored = (): number => (writer.lastKnown('a')?.storedRanges.at(-1)?.to ?? 0) / lineBytes;
let from = Math.max(0, stored() - (random() % 300));
for (;;) {
  const to = from + 1 + (random() % 200);
  // As the collector trims before it parses.
  const missing = subtractRanges({ from: from * lineBytes, to: to * lineBytes }, writer.lastKnown('a')?.storedRanges ?? []);
  const events = missing.flatMap(range => Array.from({ length: (range.to - range.from) / lineBytes }, (_, n) => madeEvent('a', range.from + n * lineBytes, range.from + (n + 1) * lineBytes)));
  await writer.append({ events, states: [] }, [{ topicId: 't', partition: 0, recordOffset: String(to) }], events.length === 0 ? [] : [madeSignal(`signal ${from}`, { streamId: 'a' })]);
  from = to;
  writeSync(1, `${stored()}\n`);
}
