/**
 * Appends to an embedded store without end until it is killed, telling each commit that is durable. Three streams in two partitions; batches of one event
 * to some hundreds; now and then what was appended before comes again, as after a restart. Arguments: the data directory, a seed.
 */
import { writeSync } from 'node:fs';
import type { LogEvent } from '#schemas/event.ts';
import { EmbeddedWriter } from '../../collector/store/embedded-writer.ts';
import { StoreOwner } from '../../collector/store/store-owner.ts';
import { madeSignal, madeState } from '../contract/made-up.ts';
import { seededNumbers } from '../bench/ship-lines.ts';
import { eventBytes, killedEvent, streamNames } from './store-kills.ts';

const dataDir = process.argv[2]!;
const random = seededNumbers(Number(process.argv[3]));
const owner = new StoreOwner(dataDir);
// Small limits, so that blocks seal, ids merge and files follow each other all the time.
const writer = new EmbeddedWriter({ dataDir, commitEventsMax: 30, commitBytesMax: 1 << 19, fileBytesMax: 1_500_000, retentionMs: 1e12, retentionBytesMax: 1e12 });
owner.note(null);
const nextOf = (stream: string): number => (writer.lastKnown(stream)?.storedRanges.at(-1)?.to ?? 0) / eventBytes;
for (;;) {
  const events: LogEvent[] = [];
  for (const stream of streamNames) {
    const next = nextOf(stream);
    const again = random() % 5 === 0 ? Math.min(next, random() % 40) : 0;
    const count = random() % 20 === 0 ? random() % 300 : random() % 8;
    for (let n = next - again; n < next + count; n++) events.push(killedEvent(stream, n));
  }
  const position = events.reduce((sum, event) => sum + event.streamOffsetEnd, 0);
  writer.append({ events, states: [madeState(streamNames[random() % streamNames.length]!, { sizeBytes: position })] }, [{ topicId: 't', partition: random() % 2, recordOffset: String(position) }], random() % 10 === 0 ? [madeSignal(`signal ${position} ${random()}`)] : []);
  writeSync(1, `${JSON.stringify(streamNames.map(nextOf))}\n`);
}
