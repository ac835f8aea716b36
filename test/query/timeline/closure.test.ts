import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { parseQuery } from '#schemas/query/parse.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { StoreReader } from '#schemas/store.ts';
import { requestsOf } from '../../../query/requests.ts';
import { closureOf, type Closure, type ClosureLimits } from '../../../query/timeline/closure.ts';
import { timelineOf } from '../../../query/timeline/timeline.ts';
import { anyContext, madeGap, noon } from '../../contract/made-up.ts';
import { idsOf, limits, storeOf } from './lines.ts';

const closure = (reader: StoreReader, asked: string, given: Partial<ClosureLimits> = {}): Promise<Closure> => closureOf(reader, asked, { ...limits, ...given }, anyContext);

/** The lines of the request that an id belongs to, by their place in the store, or the requests it groups. */
async function linesOf(reader: StoreReader, asked: string, given: Partial<ClosureLimits> = {}): Promise<string> {
  const found = await closure(reader, asked, given);
  if (found.kind === 'unknown') return 'unknown';
  if (found.kind === 'grouping') return `groups ${found.roots.map(({ value }) => value).join(' ')}`;
  return `${found.root.value}: ${found.events.map(({ streamOffset }) => streamOffset / 10).sort((a, b) => a - b).join(' ')}`;
}

async function allAre(t: ExecutionContext, reader: StoreReader, asked: readonly string[], expected: string): Promise<void> {
  for (const id of asked) t.is(await linesOf(reader, id), expected, `asked for ${id}`);
}

test('a trace owns a request id per hop: any of them finds all lines', async t => {
  const reader = storeOf('T:trace-1 R:hop-1', 'R:hop-1', 'T:trace-1 R:hop-2', 'R:hop-2', 'R:hop-3', 'T:trace-2 R:hop-3');
  await allAre(t, reader, ['trace-1', 'hop-1', 'hop-2'], 'trace-1: 0 1 2 3');
  await allAre(t, reader, ['trace-2', 'hop-3'], 'trace-2: 4 5');
});

test('without a trace, request and correlation ids are peers, in whatever order lines name them', async t => {
  const reader = storeOf('R:req-1 C:corr-1', 'R:req-1', 'C:corr-1', 'C:other');
  await allAre(t, reader, ['req-1', 'corr-1'], 'req-1: 0 1 2');
  const both = storeOf('R:aaaa R:bbbb', 'R:bbbb R:aaaa', 'R:aaaa', 'R:bbbb', 'T:trace-1 R:aaaa', 'T:trace-1');
  await allAre(t, both, ['aaaa', 'bbbb', 'trace-1'], 'trace-1: 0 1 2 3 4 5');
});

test('a line with a span only is found through its trace', async t => {
  const reader = storeOf('T:trace-1 S:span-1', 'S:span-1', 'T:trace-1 R:hop-1', 'R:hop-1 S:span-2', 'S:span-2');
  await allAre(t, reader, ['trace-1', 'span-1', 'hop-1', 'span-2'], 'trace-1: 0 1 2 3 4');
});

test('an id with two owners groups: it joins nothing, and asking for it lists its requests, newest first', async t => {
  const reader = storeOf('T:trace-1 R:reused', 'T:trace-2 R:reused', 'R:reused', 'T:trace-1', 'T:trace-2');
  t.is(await linesOf(reader, 'reused'), 'groups trace-2 trace-1');
  await allAre(t, reader, ['trace-1'], 'trace-1: 0 3');
  await allAre(t, reader, ['trace-2'], 'trace-2: 1 4');
  const spans = storeOf('T:trace-1 S:0001', 'T:trace-2 S:0001', 'S:0001');
  t.is(await linesOf(spans, '0001'), 'groups trace-2 trace-1');
  await allAre(t, spans, ['trace-1'], 'trace-1: 0');
});

test('an owner of the second step counts: a span under two requests of one trace has one owner', async t => {
  const reader = storeOf('T:trace-1 R:hop-1', 'T:trace-1 R:hop-2', 'R:hop-1 S:span-1', 'R:hop-2 S:span-1', 'S:span-1');
  await allAre(t, reader, ['trace-1', 'span-1', 'hop-1'], 'trace-1: 0 1 2 3 4');
});

test('a correlation id over many requests is no peer of each', async t => {
  const reader = storeOf('R:req-1 C:batch', 'R:req-2 C:batch', 'C:batch', 'R:req-1');
  t.is(await linesOf(reader, 'batch'), 'groups req-2 req-1');
  await allAre(t, reader, ['req-1'], 'req-1: 0 3');
});

test('a request id over many correlation ids ties none of them together', async t => {
  const reader = storeOf('R:reused C:corr-1', 'R:reused C:corr-2', 'C:corr-1', 'C:corr-2');
  await allAre(t, reader, ['corr-1'], 'corr-1: 0 2');
  await allAre(t, reader, ['corr-2'], 'corr-2: 1 3');
});

test('a session lists its requests and joins none', async t => {
  const reader = storeOf('T:trace-1 U:session-1', 'R:req-1 U:session-1', 'R:req-1', 'U:session-1', 'T:trace-1');
  t.is(await linesOf(reader, 'session-1'), 'groups req-1 trace-1');
  await allAre(t, reader, ['trace-1'], 'trace-1: 0 4');
  const timeline = await timelineOf(reader, 'session-1', limits, anyContext);
  t.deepEqual(timeline.grouping?.requests.map(({ id, lines }) => [id, lines]), [['req-1', 2], ['trace-1', 2]]);
  t.deepEqual([timeline.grouping?.kind, timeline.events], ['session', []]);
});

test('placeholders are no ids', async t => {
  const reader = storeOf('T:trace-1 R:-', 'T:trace-2 R:- S:0000000000000000', 'R:undefined');
  for (const asked of ['-', '0000000000000000', 'undefined', '', ' ']) t.is(await linesOf(reader, asked), 'unknown');
  await allAre(t, reader, ['trace-1'], 'trace-1: 0');
});

test('two traces on one line stay two requests, and the line is in both', async t => {
  const reader = storeOf('T:trace-1 T:trace-2 R:hop-1', 'T:trace-1', 'T:trace-2', 'T:trace-1 R:hop-1', 'R:hop-1');
  await allAre(t, reader, ['trace-1', 'hop-1'], 'trace-1: 0 1 3 4');
  await allAre(t, reader, ['trace-2'], 'trace-2: 0 2');
});

test('an id that no line carries is unknown', async t => {
  const error = await t.throwsAsync(() => timelineOf(storeOf('T:trace-1'), 'trace-9', limits, anyContext), { instanceOf: LeadlineError });
  t.is(error?.code, 'REQUEST_NOT_FOUND');
});

test('any spelling of an id finds it', async t => {
  const hex = 'fe3974115b911675d0640788986f80c9';
  const uuid = '1b4e28ba-2fa1-41d2-883f-0016d3cca427';
  const reader = storeOf(`T:${hex}`, `T:${hex.toUpperCase()}`, `R:${uuid}`, `R:req-${uuid}`, 'S:00f067aa0ba902b7', `T:${'0'.repeat(16)}a3ce929d0e0e4736`, 'T:11803532876627986230');
  for (const asked of [hex, hex.toUpperCase(), ` ${hex}\n`, `00-${hex}-00f067aa0ba902b7-01`, `projects/shop/traces/${hex}`]) t.is(await linesOf(reader, asked), `${hex}: 0 1`, asked);
  for (const asked of [uuid, uuid.replaceAll('-', ''), `{${uuid.toUpperCase()}}`, `req-${uuid}`]) t.is(await linesOf(reader, asked), `${uuid}: 2 3`, asked);
  for (const asked of ['f067aa0ba902b7', '00f067aa0ba902b7']) t.is(await linesOf(reader, asked), '00f067aa0ba902b7: 4', asked);
  for (const asked of ['a3ce929d0e0e4736', '11803532876627986230', `${'0'.repeat(16)}A3CE929D0E0E4736`]) t.is(await linesOf(reader, asked), `${'0'.repeat(16)}a3ce929d0e0e4736: 5 6`, asked);
});

test('a request of too many lines takes in no further ids, and says so', async t => {
  const lines = [...Array.from({ length: 11 }, () => 'T:trace-1'), 'T:trace-1 S:span-1', 'S:span-1'];
  t.is((await linesOf(storeOf(...lines), 'trace-1', { joinEventsMax: 12 })).split(' ').length, 14);
  const found = await closure(storeOf(...lines), 'trace-1', { joinEventsMax: 11 });
  t.true(found.kind === 'request' && found.events.length === 12 && found.truncated !== null);
  const timeline = await timelineOf(storeOf(...lines), 'span-1', { ...limits, joinEventsMax: 11 }, anyContext);
  t.true(timeline.truncated);
  t.regex(timeline.truncatedBecause!, /more than 11 lines/);
});

test('a request that lasts too long takes in no further ids, and says so', async t => {
  const late = { timeNs: noon + 20_000_000_001n };
  const reader = storeOf('T:trace-1', ['T:trace-1 S:span-1', late], 'S:span-1');
  t.is(await linesOf(reader, 'trace-1', { joinSpanMsMax: 21_000 }), 'trace-1: 0 1 2');
  const timeline = await timelineOf(reader, 'trace-1', { ...limits, joinSpanMsMax: 20_000 }, anyContext);
  t.deepEqual([timeline.events.length, timeline.truncated], [2, true]);
  t.regex(timeline.truncatedBecause!, /longer than 20 s/);
});

test('a timeline of too many lines is cut, and says so', async t => {
  const timeline = await timelineOf(storeOf('T:trace-1', 'T:trace-1', 'T:trace-1'), 'trace-1', { ...limits, timelineEventsMax: 2 }, anyContext);
  t.deepEqual([timeline.events.length, timeline.truncated], [2, true]);
});

test('a read that was cut says so', async t => {
  const found = await closureOf(storeOf('T:trace-1', 'T:trace-1', 'T:trace-1'), 'trace-1', limits, { ...anyContext, budget: { eventsMax: 2, bytesMax: Infinity, msMax: 60_000 } });
  t.true(found.kind === 'request' && found.truncated !== null);
});

test('a timeline has its lines in order, its services by their first line, and each join with its proof', async t => {
  const reader = storeOf(['S:span-1', { service: 'pay', timeNs: noon + 5n }], ['T:trace-1 S:span-1', { service: 'front', timeNs: noon + 1n, fields: { method: 'GET', path: '/cart' }, level: 'error' }], ['T:trace-1', { service: 'pay', timeNs: noon + 9n }], ['T:trace-1', { ...madeGap('a', 30, 40), ids: idsOf('T:trace-1') }]);
  const timeline = await timelineOf(reader, 'SPAN-1', limits, anyContext);
  t.deepEqual(timeline.events.map(({ streamOffset }) => streamOffset), [10, 0, 20]);
  t.deepEqual([timeline.id, timeline.asked, timeline.services, timeline.from, timeline.to], ['trace-1', 'SPAN-1', ['front', 'pay'], '2026-11-21T12:00:00.000000001Z', '2026-11-21T12:00:00.000000009Z']);
  t.deepEqual(timeline.joins, [{ kind: 'span', value: 'span-1', owner: 'trace-1', proofEventId: 'a:10' }]);
  t.is(timeline.gaps.length, 1);
});

test('requests: newest first, each once, over pages', async t => {
  const reader = storeOf('T:trace-1 R:hop-1', 'T:trace-2', 'no id'.slice(0, 0), 'R:hop-1', 'R:req-3', 'T:trace-2', 'U:session');
  const page = (limit: number, cursor: string | null = null) => requestsOf(reader, { query: parseQuery(''), fromNs: null, toNs: null, limit, cursor }, limits, anyContext);
  const all = await page(10);
  t.deepEqual(all.requests.map(({ id, lines, durationMs }) => [id, lines, durationMs]), [['trace-2', 2, 4000], ['req-3', 1, 0], ['trace-1', 2, 3000]]);
  t.is(all.cursor, null);
  t.is((await page(2)).requests.length, 2);
});

test('whatever lines name together, every id of a request finds the same lines', async t => {
  const id = fc.constantFrom('T:trace-1', 'T:trace-2', 'R:req-1', 'R:req-2', 'R:req-3', 'C:corr-1', 'C:corr-2', 'S:span-1', 'S:span-2', 'S:span-3', 'U:session-1');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uniqueArray(id, { maxLength: 3 }), { minLength: 1, maxLength: 8 }), async lines => {
      const reader = storeOf(...lines.map(ids => ids.join(' ')));
      for (const asked of new Set(lines.flat())) {
        const found = await closure(reader, asked.slice(2));
        if (found.kind === 'unknown') throw new Error(`${asked} is unknown`);
        if (found.kind === 'grouping') continue;
        const lineNumbers = (of: Closure): string => (of.kind === 'request' ? of.events.map(({ eventId }) => eventId).sort().join(' ') : of.kind);
        for (const other of found.ids) {
          const same = await closure(reader, other.value);
          if (lineNumbers(same) !== lineNumbers(found)) throw new Error(`asked for ${asked}: ${lineNumbers(found)}; asked for ${other.value}: ${lineNumbers(same)}`);
        }
        // The lines of the id asked for are among them.
        const own = (await reader.ids([asked.slice(2)], anyContext)).events;
        if (!own.every(event => found.events.some(({ eventId }) => eventId === event.eventId))) throw new Error(`asked for ${asked}: its own lines are missing`);
      }
    }),
    { numRuns: 1000, includeErrorInReport: true },
  );
  t.pass();
});

test('a kind that is said to join ties several traces into one request, and no other kind does', async t => {
  const lines = ['T:trace-1 C:corr-1', 'T:trace-2 C:corr-1', 'T:trace-1', 'T:trace-2', 'C:corr-1', 'T:trace-3 R:hop-1', 'T:trace-1 S:span-1', 'S:span-1'];
  const joined = { joinKinds: ['correlation'] };
  for (const asked of ['corr-1', 'trace-1', 'trace-2', 'span-1']) t.is(await linesOf(storeOf(...lines), asked, joined), 'corr-1: 0 1 2 3 4 6 7', asked);
  t.is(await linesOf(storeOf(...lines), 'trace-3', joined), 'trace-3: 5');
  t.is(await linesOf(storeOf(...lines), 'trace-1'), 'trace-1: 0 2 6 7');
  t.is(await linesOf(storeOf(...lines), 'corr-1'), 'groups trace-2 trace-1');
  const sessions = storeOf('T:trace-1 U:job-1', 'T:trace-2 U:job-1', 'U:job-1');
  t.is(await linesOf(sessions, 'trace-1', { joinKinds: ['session'] }), 'job-1: 0 1 2');
});

test('a trace under two ids that join is tied to neither', async t => {
  const lines = ['T:trace-1 C:corr-1', 'T:trace-1 C:corr-2', 'T:trace-2 C:corr-1', 'T:trace-1'];
  t.is(await linesOf(storeOf(...lines), 'trace-1', { joinKinds: ['correlation'] }), 'trace-1: 0 1 3');
  t.is(await linesOf(storeOf(...lines), 'corr-1', { joinKinds: ['correlation'] }), 'corr-1: 0 2');
});

test('a job that no request is known of is one itself', async t => {
  const kept = storeOf(['', { ids: [{ kind: 'job', name: 'job_id', value: 'job-17' }] }], ['', { ids: [{ kind: 'job', name: 'job_id', value: 'job-17' }] }], 'T:trace-1');
  t.is(await linesOf(kept, 'job-17'), 'job-17: 0 1');
});

test('the low half of a trace, as Datadog writes it, is the same trace where a line carries both, in whatever order', async t => {
  const whole = '4bf92f3577b34da6a3ce929d0e0e4736';
  const decimal = '11803532876627986230';
  for (const both of [`T:${whole} T:${decimal}`, `T:${decimal} T:${whole}`]) await allAre(t, storeOf(`T:${whole}`, both, `T:${decimal}`, `T:${decimal} S:span-1`, 'S:span-1'), [whole, decimal, 'a3ce929d0e0e4736', 'span-1'], `${whole}: 0 1 2 3 4`);
  const apart = storeOf(`T:${whole}`, `T:${whole} T:1180353287662798623`, 'T:1180353287662798623');
  t.is(await linesOf(apart, whole), `${whole}: 0 1`);
});

test('a trace that owns one of two peers owns both, whichever of them a line names first', async t => {
  for (const both of ['R:mine R:theirs', 'R:theirs R:mine']) await allAre(t, storeOf(both, 'R:theirs', 'R:mine', 'T:trace-1 R:theirs', 'T:trace-1'), ['mine', 'theirs', 'trace-1'], 'trace-1: 0 1 2 3 4');
  const two = storeOf('R:mine R:theirs', 'T:trace-1 R:mine', 'T:trace-2 R:theirs');
  await allAre(t, two, ['trace-1', 'mine'], 'trace-1: 0 1');
  await allAre(t, two, ['trace-2', 'theirs'], 'trace-2: 0 2');
});
