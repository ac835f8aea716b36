/** Records that Fluent Bit and Filebeat published when they read the same lines, each program in several configurations: kept as they came. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { quietLog } from '#lib/log.ts';
import { defaultOptions } from '#schemas/options.ts';
import type { LogEvent } from '#schemas/event.ts';
import { parsePathPattern } from '#schemas/path-pattern.ts';
import { Collector } from '../../../collector/collector.ts';
import { RecordStream, type RecordFormat } from '../../../collector/records/record-stream.ts';
import { MemoryStore } from '../../helpers/memory-store.ts';

interface Published {
  program: string;
  configuration: string;
  format: RecordFormat;
  records: string[];
}

const published = JSON.parse(readFileSync(join(import.meta.dirname, 'program-records.json'), 'utf8')) as Published[];
const topicId = '0f'.repeat(16);
const readMs = Date.UTC(2026, 10, 28, 19);
const clock = { nowMs: () => readMs, sleep: () => Promise.resolve() };
const id = (n: number): string => `00abc00000000000000000000000000${n}`;

/** The application's lines, with their levels and requests. */
const lines: readonly (readonly [raw: string, level: string | null, requestId: string | null])[] = [
  [`2026-11-21 12:30:00,123 ERROR [checkout] order 0 failed request_id=${id(0)}`, 'error', id(0)],
  [`{"name":"checkout","hostname":"web","pid":7,"level":50,"time":"2026-11-21T12:30:00.137000Z","msg":"card declined 1","req_id":"${id(1)}","v":0}`, 'error', id(1)],
  [`level=warn msg="slow \\"query\\" 2" duration=1.5s trace_id=${id(2)}`, 'warn', id(2)],
  ['INFO tab\there, back\\slash, quote " and ünï — 日本 3', 'info', null],
  ['\u001b[31mERROR\u001b[0m coloured 4', 'error', null],
  ['10.0.0.5 - - [21/Nov/2026:12:30:05 +0000] "GET /cart/5 HTTP/1.1" 500 12 "-" "curl/8.0"', null, null],
  ['  two spaces before and after 7  ', null, null],
];

function eventsOf({ format, records }: Published, topic = 'logs', patterns: readonly string[] = []): LogEvent[] {
  const stream = new RecordStream(topic, format, patterns.map(parsePathPattern));
  const writer = new MemoryStore();
  const collector = new Collector({ writer, options: defaultOptions(), rules: [], log: quietLog, clock, onAcknowledged: () => undefined, onCommitted: () => undefined });
  for (const [offset, record] of records.entries()) collector.accept(stream.chunkOf({ value: Buffer.from(record), timestampMs: readMs }, { topicId, partition: 0, recordOffset: BigInt(offset) })!);
  void collector.commit(true);
  return writer.stored;
}

const cut = (text: string): boolean => text.startsWith('xxx') || / long \d+$/.test(text);

for (const each of published) {
  test(`${each.program}, ${each.configuration}: the application's lines with their levels, requests, outputs and times`, t => {
    const events = eventsOf(each);
    t.is(events.length, each.records.length);
    // Pieces that the program did not join are lines of their own.
    const whole = events.filter(({ raw }) => !cut(Buffer.from(raw).toString()));
    t.deepEqual(whole.map(({ raw, level, requestId }) => [Buffer.from(raw).toString(), level, requestId]), lines.slice(0, whole.length).map(line => [...line]));
    t.true(whole.length >= 6);
    const isContainer = each.configuration.includes('docker') || each.configuration.includes('CRI') || each.configuration.includes('cri') || each.configuration.includes('container');
    whole.forEach(({ output, timeSource, timeNs }, at) => {
      const index = at === 6 ? 7 : at;
      t.is(output, !isContainer ? null : index % 3 === 0 ? 'stderr' : 'stdout');
      if (!isContainer) return;
      t.is(timeSource, 'runtime');
      t.is(timeNs / 1_000_000n, BigInt(Date.UTC(2026, 10, 21, 12, 30) + 137 * index));
    });
  });
}

const named = (configuration: string): Published => published.find(each => each.configuration.includes(configuration))!;

test('who wrote a line: what the record says, then a path that names a container, then the topic; another path only where the operator reads it', t => {
  const writers = (configuration: string, ...patterns: string[]): unknown[] => {
    const [{ service, container, pod, namespace, node }] = eventsOf(named(configuration), 'logs', patterns) as [LogEvent];
    return [service, container, pod, namespace, node];
  };
  t.deepEqual(writers('kubernetes fields'), ['checkout', 'server', 'checkout-5f6585d649-fnmft', 'shop', 'node-1']);
  t.deepEqual(writers('filestream with'), ['logs', null, null, null, 'node-7']);
  t.deepEqual(writers('filestream with', '/srv/logs/{service}.log'), ['checkout', null, null, null, 'node-7']);
  const path = '/var/log/containers/checkout-5f6585d649-fnmft_shop_server-' + '8f2e'.repeat(16) + '.log';
  const [event] = eventsOf({ ...named('multiline.parser cri'), records: [JSON.stringify({ ...(JSON.parse(named('multiline.parser cri').records[0]!) as object), filename: path })] }) as [LogEvent];
  t.deepEqual([event.service, event.container, event.pod, event.namespace], ['checkout', 'server', 'checkout-5f6585d649-fnmft', 'shop']);
});

test('JSON that a publisher took apart beside the line that it came from: the line, unless something is in the record alone', t => {
  const own = { level: 'error', msg: 'no', time: '2026-11-21T12:00:00Z', user: { id: 7 } };
  const place = { stream: 'stdout', time: '2026-11-21T12:30:00.5Z', kubernetes: { pod_name: 'cart-0' } };
  const eventOf = (record: object): LogEvent => eventsOf({ ...published[0]!, format: 'json', records: [JSON.stringify(record)] })[0]!;
  const raw = JSON.stringify(own);
  for (const record of [{ log: raw, ...place, log_processed: own }, { log: raw, ...place, level: 'error', user: { id: 7 } }, { '@timestamp': place.time, log: raw, ...place, ...own }]) {
    const event = eventOf(record);
    t.deepEqual([Buffer.from(event.raw).toString(), event.level, event.service, event.timeNs], [raw, 'error', 'cart', 1_795_264_200_500_000_000n], JSON.stringify(record));
  }
  for (const record of [{ log: raw, ...place, more: 1 }, { log: raw, ...place, level: 'warn' }]) t.is(Buffer.from(eventOf(record).raw).toString(), JSON.stringify(record));
});

test('a field that people had a publisher add: the record is the line, and what stands in its text is read all the same', t => {
  for (const { format, records } of published.filter(each => each.format === 'json' && !each.records[0]!.includes('{\\"log\\"'))) {
    const added = records.slice(0, 2).map(record => JSON.stringify({ ...(JSON.parse(record) as object), team: 'pay' }));
    t.deepEqual(eventsOf({ ...published[0]!, format, records: added }).map(({ raw, level, requestId, fields }) => [Buffer.from(raw).toString(), level, requestId, fields['team']]), added.map((record, n) => [record, 'error', id(n), 'pay']));
  }
});

test("a line that only looks like a runtime's is an application's", t => {
  const lines = ['{"log":"x","stream":"stdout","time":"2026-11-21T12:00:00Z","user":7}', '{"log":"x","stream":"side"}', '2026-11-21T12:00:00Z stdin F x', '12 stdout F x'];
  t.deepEqual(eventsOf({ ...published[0]!, format: 'lines', records: [...lines] }).map(({ raw, output }) => [Buffer.from(raw).toString(), output]), lines.map(line => [line, null]));
  const cri = '2026-11-21T12:00:00.000000001Z stderr F x';
  t.deepEqual(eventsOf({ ...published[0]!, format: 'lines', records: [cri] }).map(({ raw, output, timeNs }) => [Buffer.from(raw).toString(), output, timeNs]), [['x', 'stderr', 1_795_262_400_000_000_001n]]);
});
