/**
 * `npm run bench:elasticsearch -- [--events N] [--rounds N] [--no-report]`: what the writer gets into a real Elasticsearch, beside a bare loop that sends the
 * same documents, made beforehand, to the same server: bulk requests of the same size, as many at once, nothing looked at but whether there were errors.
 * The two take turns, each round in a data stream of its own.
 */
import { parseArgs } from 'node:util';
import { eventToDocument } from '#schemas/elasticsearch/document.ts';
import { NameBudget } from '#schemas/elasticsearch/field-names.ts';
import { namesOf } from '#schemas/elasticsearch/names.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { ElasticServer } from '#lib/elasticsearch/server.ts';
import { ElasticsearchWriter } from '../../collector/store/elasticsearch/elasticsearch-writer.ts';
import { startElasticsearch } from '../helpers/elasticsearch.ts';
import { newNamespace, removeStore, serverAt, storedIds, writerOptions } from '../helpers/elasticsearch-store.ts';
import { reportTable } from './report.ts';
import { StoreData } from './store-data.ts';

const { values } = parseArgs({ options: { events: { type: 'string', default: '60000' }, rounds: { type: 'string', default: '3' }, 'no-report': { type: 'boolean', default: false } } });
const [eventsMax, rounds] = [Number(values.events), Number(values.rounds)];
const batchEvents = 4096;
const bulkBytes = 1024 * 1024;
const seed = 7;

interface Measured {
  eventsPerSecond: number;
  /** Of this process, a document. */
  cpuUs: number;
}

const batchesOf = (size: number): LogEvent[][] => {
  const data = new StoreData(seed, 1e9);
  return Array.from({ length: Math.ceil(eventsMax / size) }, (_, index) => data.batch(Math.min(size, eventsMax - index * size)));
};

async function measured(work: () => Promise<void>): Promise<Measured> {
  const [startMs, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { eventsPerSecond: (eventsMax * 1000) / (performance.now() - startMs), cpuUs: (user + system) / eventsMax };
}

async function bare(server: ElasticServer, inFlight: number): Promise<Measured> {
  const namespace = newNamespace();
  const budgets = { numbers: new NameBudget(500), addresses: new NameBudget(100) };
  const bodies: string[] = [];
  let body = '';
  for (const event of batchesOf(batchEvents).flat()) {
    body += `{"create":{"_id":${JSON.stringify(event.eventId)}}}\n${JSON.stringify(eventToDocument({ ...event, chainPosition: 1_790_000_000_000 }, budgets))}\n`;
    if (body.length < bulkBytes) continue;
    bodies.push(body);
    body = '';
  }
  if (body !== '') bodies.push(body);
  await primed(server, namespace);
  const result = await measured(async () => {
    await Promise.all(
      Array.from({ length: inFlight }, async () => {
        for (let lines = bodies.shift(); lines !== undefined; lines = bodies.shift()) {
          const answer = await server.request({ method: 'POST', path: `/${namesOf(namespace).events}/_bulk`, lines });
          if (answer.status !== 200 || (answer.body as { errors: boolean }).errors) throw new Error('the bare loop was refused');
        }
      }),
    );
  });
  await removeStore(server, namespace);
  return result;
}

/** The stream is there, with its mapping, before anything is measured. */
async function primed(server: ElasticServer, namespace: string): Promise<void> {
  const writer = new ElasticsearchWriter(writerOptions(server, namespace));
  await writer.open();
  await writer.append({ events: new StoreData(seed + 1, 1e9).batch(500).map(event => ({ ...event, streamId: `prime-${event.streamId}`, eventId: `prime-${event.eventId}` })), states: [] }, [], []);
  await writer.close();
}

/** @param atOnce batches handed over before the first of them is durable */
async function ours(server: ElasticServer, size: number, atOnce: number): Promise<Measured> {
  const namespace = newNamespace();
  await primed(server, namespace);
  const writer = new ElasticsearchWriter(writerOptions(server, namespace));
  await writer.open();
  const batches = batchesOf(size);
  const result = await measured(async () => {
    const underWay = new Set<Promise<unknown>>();
    for (const [index, events] of batches.entries()) {
      const appended: Promise<unknown> = writer.append({ events, states: [], mayBeStored: false }, [{ topicId: 't', partition: 0, recordOffset: String(index) }], []).finally(() => underWay.delete(appended));
      underWay.add(appended);
      if (underWay.size >= atOnce) await Promise.race(underWay);
    }
    await Promise.all(underWay);
  });
  const stored = await storedIds(server, namespace);
  if (new Set(stored).size !== eventsMax + 500) throw new Error(`${stored.length} documents of ${eventsMax + 500} events`);
  await writer.close();
  await removeStore(server, namespace);
  return result;
}

const elasticsearch = await startElasticsearch({ heap: '1g' });
const server = serverAt(elasticsearch.url);
const ways: [name: string, run: () => Promise<Measured>][] = [
  ['bare loop, 1 request at once', () => bare(server, 1)],
  ['bare loop, 2 at once', () => bare(server, 2)],
  ['writer, 1 batch of 4,096 at once', () => ours(server, batchEvents, 1)],
  ['writer, 1 batch of 16,384 at once', () => ours(server, 4 * batchEvents, 1)],
  ['writer, 4 batches of 4,096 at once', () => ours(server, batchEvents, 4)],
];
try {
  // The first of each warms both machines up.
  const found = new Map<string, Measured[]>(ways.map(([name]) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of ways) {
      const one = await run();
      if (round > 0) found.get(name)!.push(one);
      process.stdout.write(`${round === 0 ? 'warming up' : `round ${round}`}: ${name}: ${Math.round(one.eventsPerSecond)} documents/s, ${one.cpuUs.toFixed(1)} us\n`);
    }
  }
  const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
  const best = Math.max(...ways.slice(0, 2).map(([name]) => median(found.get(name)!.map(({ eventsPerSecond }) => eventsPerSecond))));
  const rows = ways.map(([name]) => {
    const rate = median(found.get(name)!.map(({ eventsPerSecond }) => eventsPerSecond));
    return [name, Math.round(rate).toLocaleString('en'), `${Math.round((100 * rate) / best)} %`, median(found.get(name)!.map(({ cpuUs }) => cpuUs)).toFixed(1)];
  });
  if (!values['no-report']) reportTable('elasticsearch', ['what', 'documents/s (median)', 'of the better bare loop', 'own CPU, us a document'], rows, [`${eventsMax.toLocaleString('en')} documents of bunyan lines, ${rounds} rounds each in turns, client and server on the same two cores; every document looked for afterwards. The bare loop's documents were made before its clock began.`]);
  else process.stdout.write(`${rows.map(row => row.join('  ')).join('\n')}\n`);
} finally {
  await server.close();
  await elasticsearch.stop();
}
