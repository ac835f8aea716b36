import test from 'ava';
import { chunkHeaders, chunkOf, recordStreamId } from '#schemas/chunk.ts';
import { defaultOptions } from '#schemas/options.ts';
import { quietLog } from '#lib/log.ts';
import { Collector } from '../../collector/collector.ts';
import { chunkOfEvent } from '../../collector/refused-events.ts';
import { madeEvent } from '../contract/made-up.ts';
import { MemoryStore } from '../helpers/memory-store.ts';

const clock = { nowMs: () => 0, sleep: () => Promise.resolve() };

for (const [of, streamId, raw, from, to] of [
  ['a file', 'a', 'ERROR no\n    at f (x.js:1:1)', 100, 160],
  ['a topic that others fill', recordStreamId('0f'.repeat(16), 3), 'ERROR no\n    at f (x.js:1:1)', 7, 8],
  ['a topic that others fill, with a newline at its end', recordStreamId('0f'.repeat(16), 3), 'two\n', 7, 8],
] as const) {
  test(`an event of ${of} that the store refused comes back as itself`, t => {
    const chunk = chunkOfEvent(madeEvent(streamId, from, to, { raw: Buffer.from(raw) }));
    const writer = new MemoryStore();
    const collector = new Collector({ writer, options: defaultOptions(), rules: [], log: quietLog, clock, onAcknowledged: () => undefined, onCommitted: () => undefined });
    collector.accept(chunkOf(chunkHeaders(chunk), chunk.value));
    collector.accept(chunkOf({ ...chunkHeaders({ ...chunk, lengths: null }), 'll-idle': '1', 'll-offset': String(to) }, new Uint8Array(0)));
    void collector.commit(true);
    const stored = writer.stored.filter(({ gap }) => gap === null);
    t.deepEqual(stored.map(event => [event.eventId, Buffer.from(event.raw).toString(), event.streamOffsetEnd]), [[`${streamId}:${from}`, raw, to]]);
  });
}
