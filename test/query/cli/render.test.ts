import test from 'ava';
import type { AlertBody, EventBody, StreamsAnswer, TimelineBody } from '#schemas/http-api.ts';
import { renderAlert, renderAlerts } from '../../../query/cli/render/alerts.ts';
import { EventRenderer } from '../../../query/cli/render/events.ts';
import { renderStatus } from '../../../query/cli/render/status.ts';
import { fitPath, printableJson, type Terminal } from '../../../query/cli/render/terminal.ts';
import { renderTimeline } from '../../../query/cli/render/timeline.ts';

const narrow: Terminal = { width: 80, colour: false, isTerminal: true };
const wide: Terminal = { width: 180, colour: false, isTerminal: true };
const piped: Terminal = { width: 200, colour: false, isTerminal: false };
// Clears the screen, sets the title, moves the cursor with the one-byte form, and goes back to the line's start.
const hostile = 'a\u001b[2J\u001b]0;title\u0007b\u009b31mc\rd';
const id = '02467b3cce0e9146c31581b80139ccbd';

function event(over: Partial<EventBody> = {}): EventBody {
  return {
    eventId: 's:0', time: '2022-08-22T05:20:17.086206556Z', timeNs: '1661145617086206556', timeSource: 'line', service: 'frontend', container: null, pod: null, namespace: null, node: null, level: 'info',
    message: `TraceID: ${id} SpanID: d38bd8ee1b604a26 Request started`, raw: 'raw', fields: {}, requestId: id, requestIdSource: 'text:TraceID', confidence: 1, ids: [], source: 'frontend', streamId: 's', streamOffset: 0,
    streamOffsetEnd: 10, output: null, part: null, gap: null, exceptionType: null, correctedTimeNs: null, clockErrorNs: null, template: null, ...over,
  };
}

function timelineOf(events: EventBody[]): TimelineBody {
  return { id, asked: id, ids: [], joins: [{ kind: 'span', value: 'd38bd8ee1b604a26', owner: id, proofEventId: 's:0' }], services: [...new Set(events.map(each => each.service ?? each.source))], from: null, to: null, events, gaps: [], clocks: [], grouping: null, truncated: false, truncatedBecause: null, inference: null };
}

function streamsOf(over: Partial<StreamsAnswer['streams'][number]> = {}): StreamsAnswer {
  const stream = { streamId: 's', source: 'src', service: 'recommendationservice', path: '/var/log/pods/default_recommendationservice-6cfdd55578-gfj6q_0a1b/server/0.log', closed: false, sizeBytes: 1000, readBytes: 900, acknowledgedBytes: 900, storedBytes: 900, lagBytes: 100, lines: 9, events: 9, droppedBytes: {}, gapBytes: 0, lastReadAt: null, ...over };
  return { streams: [stream], totals: { streams: 1, bytes: 1000, storedBytes: 900, lagBytes: 100, lines: 9, events: 9, droppedBytes: 0 }, store: { files: 1, bytes: 5000, events: 9, unfilteredBlocks: 0, oldest: '2022-08-22T05:18:16.154772363Z', newest: '2022-08-22T05:20:48.699873456Z' }, limits: [] };
}

const alert = { episodeId: 'e2db977fce12b65d686d', revision: 2, rule: 'errors', key: { service: 'payment' }, state: 'firing', openedAt: '2026-11-21T09:00:00.4Z', firstAt: '2026-11-21T09:00:00Z', lastAt: '2026-11-21T09:00:05Z', resolvedAt: null, foundAt: '', count: 6, peak: 6, told: true, topError: { message: 'card declined', count: 4, exceptionType: null }, services: ['payment'], requests: [{ id, url: '' }], url: '' } as unknown as AlertBody;

const harmful = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;

test('nothing that a log line holds reaches the terminal as a control character', t => {
  const bad = event({ message: hostile, service: hostile, requestId: hostile, raw: hostile, fields: { name: hostile }, exceptionType: hostile });
  for (const [name, text] of Object.entries({
    text: new EventRenderer(narrow, 'text').render(bad),
    fields: new EventRenderer(narrow, 'text', ['name']).render(bad),
    raw: new EventRenderer(narrow, 'raw').render(bad),
    rawBytes: new EventRenderer(narrow, 'raw').render(event({ raw: undefined, rawBase64: Buffer.from([0x1b, 0x5b, 0x32, 0x4a, 0xff]).toString('base64') })),
    json: new EventRenderer(narrow, 'json').render(bad),
    csv: new EventRenderer(narrow, 'csv').render(bad),
    timeline: renderTimeline(timelineOf([bad]), narrow),
    status: renderStatus(streamsOf({ path: hostile, service: hostile }), hostile, narrow),
    alerts: renderAlerts([{ ...alert, key: { service: hostile }, topError: { message: hostile, count: 1, exceptionType: null } }], narrow),
    alert: renderAlert({ ...alert, key: { service: hostile }, services: [hostile], topError: { message: hostile, count: 1, exceptionType: null } }, narrow),
  })) t.notRegex(String(text), harmful, name);
});

test('a pipe gets the bytes as they were written, and JSON that is the same on both', t => {
  t.is(new EventRenderer(piped, 'raw').render(event({ raw: hostile })), hostile);
  t.deepEqual(new EventRenderer(piped, 'raw').render(event({ raw: undefined, rawBase64: '/wA=' })), Buffer.from([0xff, 0]));
  t.deepEqual(JSON.parse(printableJson({ hostile })), { hostile });
});

test('on 80 columns no line of a timeline, a status or a list of alerts is longer', t => {
  const events = ['frontend', 'recommendationservice', 'currencyservice'].map((service, index) => event({ service, timeNs: String(1_661_145_617_086_206_556n + BigInt(index) * 1_234_567_890n), confidence: index === 1 ? 0.7 : 1, message: `TraceID: ${id} SpanID: d38bd8ee1b604a26 ${'words '.repeat(30)}` }));
  const texts = [renderTimeline(timelineOf(events), narrow), renderStatus(streamsOf(), 'leadline-data', narrow), renderStatus(streamsOf({ droppedBytes: { rotated: 50 }, gapBytes: 10 }), 'leadline-data', narrow), renderAlerts([{ ...alert, topError: { message: 'long '.repeat(50), count: 4, exceptionType: null } }], narrow)];
  for (const text of texts) for (const line of text.split('\n')) t.true(line.length <= narrow.width, `${line.length}: ${line}`);
});

test("a timeline shows the request's own ids short: with their label where there is room, else as a mark", t => {
  t.regex(renderTimeline(timelineOf([event()]), wide), /INFO {3}TraceID: 02467b3c… SpanID: d38bd8ee1b604a26 Request started$/);
  t.regex(renderTimeline(timelineOf([event()]), narrow), /INFO {3}… Request started$/);
  t.regex(renderTimeline(timelineOf([event({ message: `order 17 of ${id} paid` })]), narrow), /order 17 of 02467b3c… paid$/);
});

test('an inferred line says so and keeps room for saying it', t => {
  const text = renderTimeline(timelineOf([event({ confidence: 0.72, message: 'words '.repeat(40) })]), narrow);
  t.regex(text, /… \(inferred, 72 %\)$/);
});

test('below a timeline stands why its lines without an id are there, each reason once', t => {
  const because = (kind: string, text: string): EventBody => event({ confidence: 0.95, requestIdSource: 'inherited', message: 'reads', evidence: { kind, because: text, eventId: 's:0' } });
  const events = [event(), because('worker', hostile), because('worker', hostile), because('content', '"ORD-8123" stands in lines of this request')];
  const text = renderTimeline({ ...timelineOf(events), inference: { lines: 3, events: 40, ms: 1, cutBecause: null } }, wide);
  t.regex(text, /reads \(same worker, 95 %\)\n/);
  t.regex(text, /reads \(by what it says, 95 %\)\n/);
  t.regex(text, /3 lines without an id, given to this request by evidence \(--no-inferred leaves them out\):\n {2}2 lines: .*\n {2}1 line: "ORD-8123" stands in lines of this request$/);
  t.notRegex(text, harmful);
});

test('a path is shortened from the left, so that the file name stays', t => {
  t.is(fitPath('/var/log/pods/shop/cart.log', 12), '…op/cart.log');
  t.is(fitPath('cart.log', 12), 'cart.log');
  t.regex(renderStatus(streamsOf(), 'leadline-data', narrow), /…\S*\/server\/0\.log/);
});

test('status shows gaps and drops where there are any, and the balance closes in words', t => {
  const calm = renderStatus(streamsOf(), 'leadline-data', wide);
  t.regex(calm, /balance: 1\.00 kB written = 900 B stored \+ 100 B waiting\n/);
  t.notRegex(calm, /gaps|dropped/);
  const answer = streamsOf({ droppedBytes: { rotated: 50 }, gapBytes: 20 });
  answer.totals = { ...answer.totals, storedBytes: 830, droppedBytes: 50 };
  t.regex(renderStatus(answer, 'leadline-data', wide), /= 830 B stored \+ 50 B dropped \+ 20 B in gaps \+ 100 B waiting\n[^]*gaps +dropped[^]*20 B +rotated 50 B/);
});

test('an id that the message shows stands in a search line once', t => {
  t.is(String(new EventRenderer(wide, 'text').render(event())).split(id).length - 1, 1);
  t.is(String(new EventRenderer(wide, 'text').render(event({ message: 'card declined' }))).split(id).length - 1, 1);
});

test('an alert is a row with its id and its top error below', t => {
  t.is(renderAlerts([], narrow), 'no alerts');
  const [head, row, error] = renderAlerts([alert], narrow).split('\n');
  t.regex(head!, /^state +rule +key +opened \(UTC\) +count$/);
  t.regex(row!, /^firing +errors +service=payment +2026-11-21 09:00:00 +6$/);
  t.is(error, '  e2db977fce12b65d686d  4 x card declined');
});
