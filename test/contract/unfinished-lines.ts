/** The part of the store contract that is about lines which their stream ended in the middle of. */
import test from 'ava';
import { LeadlineError } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { UnfinishedLine } from '#schemas/store.ts';
import { comparable, madeEvent, noonMs } from './made-up.ts';
import { searched } from './paging.ts';
import type { OpenStore } from './store.ts';

export function unfinishedLinesContract(name: string, open: OpenStore): void {
  test(`${name}: a line that its stream ended in the middle of: stored and unseen, kept over a restart, until an event tells it or goes on with it, once`, async t => {
    const store = await open();
    t.teardown(() => store.close());
    const begun = (streamId: string, from: number, given: Partial<LogEvent> = {}): UnfinishedLine => ({ event: madeEvent(streamId, from, from + 10, { timeSource: 'runtime', output: 'stdout', part: { n: 2, of: null }, raw: Buffer.from([0xff, 0x7b]), lineCount: 2, ...given }), endedMs: noonMs, lane: 't:0' });
    const kept = (): unknown[] => store.writer.unfinished().map(({ event, endedMs, lane }) => [comparable(event), endedMs, lane]).sort();
    await store.writer.append({ events: [madeEvent('a', 0, 10)], states: [], unfinished: [begun('a', 10), begun('b', 0)] }, [{ topicId: 't', partition: 0, recordOffset: '3' }], []);
    for (const round of ['before', 'after']) {
      t.deepEqual(kept(), [begun('a', 10), begun('b', 0)].map(({ event, endedMs, lane }) => [comparable(event), endedMs, lane]).sort(), round);
      t.deepEqual((await searched(store.reader, '', null, null, 100)).map(({ eventId }) => eventId), ['a:0']);
      t.like(store.writer.lastKnown('a'), { lines: 3, events: 1, storedRanges: [{ from: 0, to: 20 }] });
      // Its bytes came again.
      await store.writer.append({ events: [], states: [], unfinished: [begun('a', 10)] }, [], []);
      await store.restart();
    }
    const told = { ...begun('a', 10).event, begunAs: 'a:10' };
    const joined = madeEvent('c', 0, 5, { begunAs: 'b:0', raw: Buffer.from('whole') });
    // One that began, went on and was finished in the same batch, over three streams.
    const quick = { events: [madeEvent('f', 0, 5, { begunAs: 'e:0' })], states: [], unfinished: [begun('d', 0), begun('e', 0, { begunAs: 'd:0' })] };
    for (const batch of [{ events: [told, joined], states: [] }, quick]) {
      await store.writer.append(structuredClone(batch), [], []);
      await store.writer.append(structuredClone(batch), [], []);
    }
    t.deepEqual(kept(), []);
    t.deepEqual((await searched(store.reader, '', null, null, 100)).map(({ eventId }) => eventId).sort(), ['a:0', 'a:10', 'c:0', 'f:0']);
    t.like(store.writer.lastKnown('a'), { lines: 3, events: 2 });
    await store.restart();
    t.deepEqual(kept(), []);
    await t.throwsAsync(async () => store.writer.append({ events: [], states: [], unfinished: [begun('a', 15)] }, [], []), { instanceOf: LeadlineError, code: 'EVENT_OVERLAPS_STORED' });
    t.deepEqual(kept(), []);
  });
}
