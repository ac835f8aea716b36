/** Appends batches of a stream without end, telling each that is durable on standard output, until it is killed. Argument: the data directory. */
import { writeSync } from 'node:fs';
import { EmbeddedWriter } from '../../collector/store/embedded-writer.ts';
import { StoreOwner } from '../../collector/store/store-owner.ts';
import { madeEvent, madeSignal, madeState } from './made-up.ts';

const dataDir = process.argv[2]!;
const owner = new StoreOwner(dataDir);
// Small limits, so that rows seal and files follow each other all the time.
const writer = new EmbeddedWriter({ dataDir, commitEventsMax: 20, commitBytesMax: 1 << 19, fileBytesMax: 300_000, retentionMs: 86_400_000, retentionBytesMax: 1 << 30 });
owner.note('http://127.0.0.1:1');
for (let from = writer.lastKnown('a')?.storedRanges.at(-1)?.to ?? 0; ; ) {
  const events = Array.from({ length: 1 + (from % 7) }, (_, index) => madeEvent('a', from + 10 * index, from + 10 * index + 10, { ids: [{ kind: 'trace', name: 't', value: 'kill-test' }] }));
  from += 10 * events.length;
  writer.append({ events, states: [madeState('a', { sizeBytes: from })] }, [{ topicId: 't', partition: 0, recordOffset: String(from) }], [madeSignal(`signal ${from}`)]);
  writeSync(1, `${from}\n`);
}
