/**
 * `npm run bench:collect`: a topic that is full -> stored, by `leadline collect` as people run it, with the broker on the same machine: into the embedded
 * store, with the topic of events off and on, and into Elasticsearch beside a bare loop of bulk requests with the same documents. And what an event costs
 * by step, in one thread.
 *
 *     node test/bench/collect.ts [--lines 2m] [--documents 200k] [--only kafka,steps,elasticsearch] [--no-report]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { quietLog } from '#lib/log.ts';
import type { Chunk } from '#schemas/chunk.ts';
import { eventToDocument } from '#schemas/elasticsearch/document.ts';
import { NameBudget } from '#schemas/elasticsearch/field-names.ts';
import { namesOf } from '#schemas/elasticsearch/names.ts';
import { defaultOptions } from '#schemas/options.ts';
import { plainBytes } from '../../collector/chunk-bytes.ts';
import { Collector } from '../../collector/collector.ts';
import { eventOf } from '../../collector/event-of.ts';
import { LineAssembler } from '../../collector/lines/assembler.ts';
import { applyTemplates } from '../../collector/store/elasticsearch/templates.ts';
import { EmbeddedWriter } from '../../collector/store/embedded-writer.ts';
import { Templates } from '../../collector/templates/templates.ts';
import { newLines } from '../../collector/trim.ts';
import { RunningCollect } from '../helpers/collecting.ts';
import { startElasticsearch } from '../helpers/elasticsearch.ts';
import { newNamespace, serverAt } from '../helpers/elasticsearch-store.ts';
import { TestKafka } from '../helpers/kafka.ts';
import { chunksOf, fillTopic, type WrittenLine } from './full-topic.ts';
import { cpuSecondsOf, memoryMbOf } from './measured-process.ts';
import { report, type Figure } from './report.ts';
import { StoreData } from './store-data.ts';

const { values } = parseArgs({ options: { lines: { type: 'string', default: '2m' }, documents: { type: 'string', default: '200k' }, only: { type: 'string', default: 'kafka,steps,elasticsearch' }, 'no-report': { type: 'boolean', default: false } } });
const numberOf = (text: string): number => Number(text.replace(/[km]$/i, '')) * (/m$/i.test(text) ? 1e6 : /k$/i.test(text) ? 1000 : 1);
const lines = numberOf(values.lines);
const documents = numberOf(values.documents);
const only = new Set(values.only.split(','));
const figures: Figure[] = [];
const rate = (count: number, seconds: number): string => `${Math.round(count / seconds)} events/s`;

/** Of twelve services, sixteen fields each. */
function* linesOf(count: number, seed: number): Generator<WrittenLine> {
  const data = new StoreData(seed, 1e9);
  while (data.count < count) {
    for (const { source, streamId, service, container, pod, namespace, node, timeNs, raw } of data.batch(Math.min(4096, count - data.count))) {
      yield { source, streamId, service, container, pod, namespace, node, timeMs: Number(timeNs / 1_000_000n), raw };
    }
  }
}

interface Run {
  events: number;
  seconds: number;
  cpuSeconds: number;
  brokerCpuSeconds: number;
  peakMb: number;
}

/** From when a tenth is stored and the code is warm to when all is. */
async function collected(kafka: TestKafka, args: readonly string[], count: number, stored: (collect: RunningCollect) => Promise<number>): Promise<Run> {
  const endings: (() => unknown)[] = [];
  const collect = await RunningCollect.start({ teardown: ending => void endings.push(ending) }, args);
  const broker = kafka.pidOf(1)!;
  const now = (events: number): { events: number; ms: number; cpu: number; broker: number } => ({ events, ms: performance.now(), cpu: cpuSecondsOf(collect.pid)!, broker: cpuSecondsOf(broker)! });
  let from: ReturnType<typeof now> | null = null;
  for (;;) {
    const events = await stored(collect);
    if (from === null && events >= count / 10) from = now(events);
    if (events >= count) break;
    await pause(100);
  }
  const to = now(count);
  const peakMb = memoryMbOf(collect.pid, 'VmHWM')!;
  await collect.stop();
  for (const ending of endings) await ending();
  return { events: to.events - from!.events, seconds: (to.ms - from!.ms) / 1000, cpuSeconds: to.cpu - from!.cpu, brokerCpuSeconds: to.broker - from!.broker, peakMb };
}

const said = ({ events, seconds, cpuSeconds, brokerCpuSeconds, peakMb }: Run): string =>
  `${rate(events, seconds)}; ${((cpuSeconds * 1e6) / events).toFixed(1)} us of CPU an event, the broker ${((brokerCpuSeconds * 1e6) / events).toFixed(1)} us; peak ${peakMb.toFixed(0)} MB`;

const folder = mkdtempSync(join(tmpdir(), 'leadline-bench-'));
const eventsOfReport = async (collect: RunningCollect): Promise<number> => (await collect.report()).stored.events;

if (only.has('kafka')) {
  const kafka = await TestKafka.start({ portsFrom: 26_000, heap: '512m' });
  try {
    await fillTopic(kafka, 'full', linesOf(lines, 3));
    const args = ['--kafka', kafka.brokers.join(','), '--topic-prefix', 'full'];
    const plain = await collected(kafka, [...args, '--data-dir', join(folder, 'plain')], lines, eventsOfReport);
    figures.push({ what: `Kafka -> parsed, correlated, stored embedded: ${lines} lines of 12 services, two cores with the broker on them, the last nine tenths`, value: said(plain), beside: '>= 100,000 events/s' });
    const published = await collected(kafka, [...args, '--publish-events', '--data-dir', join(folder, 'published')], lines, eventsOfReport);
    figures.push({ what: 'the same with every event published to the topic of events', value: said(published), beside: '' });
    const one = await collected(kafka, [...args, '--parse-threads', '1', '--data-dir', join(folder, 'one')], lines, eventsOfReport);
    figures.push({ what: 'the same as the first, with one parsing thread', value: said(one), beside: '' });
  } finally {
    await kafka.stop();
  }
}

if (only.has('steps')) {
  const chunks = [...chunksOf(linesOf(Math.min(lines, 500_000), 4))].map(({ chunk }) => chunk);
  const count = Math.min(lines, 500_000);
  /** Of the second time, when the code is warm. */
  const cpuOf = (work: () => void): number => {
    work();
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / count;
  };
  const cut = (chunk: Chunk) => newLines(chunk, plainBytes(chunk), []);
  const unpack = cpuOf(() => chunks.forEach(plainBytes));
  const json = cpuOf(() => chunks.forEach(chunk => cut(chunk).forEach(({ bytes }) => JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')) as unknown)));
  const parse = (templates: Templates | null): number => cpuOf(() => {
    const assemblers = new Map<string, LineAssembler>();
    for (const chunk of chunks) {
      let assembler = assemblers.get(chunk.streamId);
      if (assembler === undefined) assemblers.set(chunk.streamId, (assembler = new LineAssembler(defaultOptions())));
      for (const group of assembler.add(chunk, cut(chunk))) eventOf(chunk, group, null, templates);
    }
  });
  const parsed = parse(null);
  const withTemplates = parse(new Templates(defaultOptions()));
  let runs = 0;
  const stored = cpuOf(() => {
    const options = { ...defaultOptions(), dataDir: join(folder, `steps-${++runs}`) };
    const writer = new EmbeddedWriter(options);
    const collector = new Collector({ writer, options, rules: [], log: quietLog, clock: { nowMs: Date.now, sleep: () => Promise.resolve() }, onAcknowledged: () => undefined, onCommitted: () => undefined });
    for (const chunk of chunks) collector.accept(chunk);
    void collector.commit(true);
    writer.close();
  });
  const us = (value: number): string => `${value.toFixed(2)} us`;
  figures.push(
    { what: `an event of sixteen fields (${Math.round(chunks.reduce((sum, chunk) => sum + chunk.end - chunk.offset, 0) / count)} bytes), by step in one thread: unpacked`, value: us(unpack), beside: '' },
    { what: 'framing, format, time, level, fields and ids read', value: us(parsed - unpack), beside: `JSON.parse of the same lines, with cutting them: ${us(json - unpack)}; at most 3 times` },
    { what: 'its template', value: us(withTemplates - parsed), beside: '<= 1 us' },
    { what: 'trimmed, encoded, indexed and made durable', value: us(stored - withTemplates), beside: '' },
    { what: 'all of it', value: us(stored), beside: '' },
  );
}

/** @param isApart the server has a core to itself, and all else the other: then what else there is to do takes nothing from it */
async function measureElasticsearch(isApart: boolean): Promise<void> {
  // Children have the core of whoever starts them.
  const pin = (cores: string): void => {
    if (isApart) execFileSync('taskset', ['-acp', cores, String(process.pid)]);
  };
  pin('0');
  const elastic = await startElasticsearch({ heap: '1g' });
  pin('1');
  const kafka = await TestKafka.start({ portsFrom: 26_000, heap: '256m' });
  try {
    const server = serverAt(elastic.url);
    await fillTopic(kafka, 'search', linesOf(documents, 5));
    const bare = async (seed: number): Promise<number> => {
      const { events } = namesOf(newNamespace());
      await applyTemplates(server, 1);
      const budgets = { numbers: new NameBudget(500), addresses: new NameBudget(500) };
      const assemblers = new Map<string, LineAssembler>();
      const bodies: { body: string; n: number }[] = [];
      let body = '';
      let n = 0;
      const templates = new Templates(defaultOptions());
      const flush = (): void => {
        bodies.push({ body, n });
        body = '';
        n = 0;
      };
      for (const { chunk } of chunksOf(linesOf(documents, seed))) {
        let assembler = assemblers.get(chunk.streamId);
        if (assembler === undefined) assemblers.set(chunk.streamId, (assembler = new LineAssembler(defaultOptions())));
        for (const group of assembler.add(chunk, newLines(chunk, plainBytes(chunk), []))) {
          const event = eventOf(chunk, group, null, templates);
          body += `${JSON.stringify({ create: { _id: event.eventId } })}\n${JSON.stringify(eventToDocument(event, budgets))}\n`;
          n += 1;
          if (body.length > 3 << 20) flush();
        }
      }
      if (n > 0) flush();
      // The same requests, two at a time, with nothing else to do.
      const total = bodies.reduce((sum, each) => sum + each.n, 0);
      let done = 0;
      let from: { ms: number; done: number } | null = null;
      const send = async (): Promise<void> => {
        for (let next = bodies.shift(); next !== undefined; next = bodies.shift()) {
          const answer = await server.request({ method: 'POST', path: `/${events}/_bulk`, lines: next.body });
          if (answer.status >= 300 || (answer.body as { errors: boolean }).errors) throw new Error(`a bulk request was refused: ${JSON.stringify(answer.body).slice(0, 300)}`);
          done += next.n;
          if (from === null && done >= total / 10) from = { ms: performance.now(), done };
        }
      };
      await Promise.all([send(), send()]);
      return (total - from!.done) / ((performance.now() - from!.ms) / 1000);
    };
    // The server's code is compiled while it works: the first run counts for nothing.
    await bare(9);
    const before = await bare(6);
    const namespace = newNamespace();
    // By what the collector knows to be stored: a refresh to count would be work that the bare loop does not make.
    const own = await collected(kafka, ['--kafka', kafka.brokers.join(','), '--topic-prefix', 'search', '--store', `elasticsearch=${elastic.url}`, '--elasticsearch-namespace', namespace], documents, async collect => (await collect.report()).counts.events);
    await server.request({ method: 'POST', path: `/${namesOf(namespace).events}/_refresh` });
    const { count } = (await server.request({ method: 'GET', path: `/${namesOf(namespace).events}/_count` })).body as { count: number };
    if (count !== documents) throw new Error(`${count} documents of ${documents} lines`);
    const after = await bare(8);
    const bareRate = (before + after) / 2;
    figures.push({ what: `Kafka -> Elasticsearch (one node, 1 GB heap, ${isApart ? 'on one core, all else on the other' : 'on the same two cores as all else'}), ${documents} lines, the last nine tenths`, value: `${said(own)}; ${Math.round((100 * own.events) / own.seconds / bareRate)} % of the bare loop`, beside: `a bare loop of bulk requests with documents like these, two at a time: ${Math.round(before)} before and ${Math.round(after)} after, a second; >= 90 %` });
  } finally {
    await kafka.stop();
    await elastic.stop();
    pin('0,1');
  }
}

if (only.has('elasticsearch')) for (const isApart of [true, false]) await measureElasticsearch(isApart);


rmSync(folder, { recursive: true });
if (values['no-report']) for (const { what, value, beside } of figures) process.stdout.write(`${what}: ${value} (${beside})\n`);
else report('collect', figures);
process.exit(0);
