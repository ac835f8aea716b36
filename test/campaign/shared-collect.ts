/**
 * `npm run campaign:shared`: several collectors share a store in a real Elasticsearch and the partitions of a real Kafka, while they are killed with -9,
 * stopped in their sleep, a broker dies, partitions are added and backing indices are rolled over. At the end every line is there, once over all indices.
 *
 *     node test/campaign/shared-collect.ts [--minutes 10] [--collectors 3] [--brokers 3] [--seed 1] [--no-report]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { KafkaClient } from '#lib/kafka/kafka-client.ts';
import type { OutgoingRecord } from '#lib/kafka/types.ts';
import type { ElasticServer } from '#lib/elasticsearch/server.ts';
import { backingIndicesIn } from '#schemas/elasticsearch/backing-indices.ts';
import { namesOf } from '#schemas/elasticsearch/names.ts';
import { seededNumbers } from '../bench/ship-lines.ts';
import { madeChunk, madeState, recordOf } from '../contract/made-up.ts';
import { RunningCollect } from '../helpers/collecting.ts';
import { startElasticsearch } from '../helpers/elasticsearch.ts';
import { newNamespace, refresh, serverAt } from '../helpers/elasticsearch-store.ts';
import { TestKafka } from '../helpers/kafka.ts';
import { chunkRecord, stateRecord } from '../helpers/published.ts';
import { commitText, machineText } from '../helpers/ran-on.ts';

export interface SharedPlan {
  seconds: number;
  collectors: number;
  brokers: 1 | 3;
  seed: number;
  say: (text: string) => void;
}

export interface SharedVerdict {
  lines: number;
  documents: number;
  indices: number;
  missing: string[];
  unexpected: string[];
  /** Ids that lie in several backing indices. */
  doubled: string[];
  faults: Record<string, number>;
}

const streams = 24;
const linesPerRecord = 20;
const sessionMs = 6000;
const json = (n: number): string => `{"level":"info","line":${n},"msg":"line number ${n}","requestId":"r${n % 977}"}\n`;
const text = (n: number): string => `2026-11-21 12:00:00 ERROR line ${n}\n    at f (x.js:1:1)\n`;

/** @throws whatever keeps it from running; what it found is in the verdict. */
export async function collectShared({ seconds, collectors, brokers, seed, say }: SharedPlan): Promise<SharedVerdict> {
  const endings: (() => unknown)[] = [];
  const next = seededNumbers(seed);
  const random = (): number => next() / 2 ** 32;
  try {
    const elastic = await startElasticsearch();
    endings.unshift(() => elastic.stop());
    const kafka = await TestKafka.start({ nodes: brokers, portsFrom: 26_000 });
    endings.unshift(() => kafka.stop());
    const client = new KafkaClient({ brokers: kafka.brokers, clientId: 'campaign', tls: null, login: null, requestTimeoutMs: 5000 });
    endings.unshift(() => client.close());
    const namespace = newNamespace();
    const server = serverAt(elastic.url);
    for (const [kind, partitions] of [['chunks', 6], ['streams', 3], ['dead-letters', 1], ['signals', 2]] as const) await kafka.createTopic(`shared.${kind}`, { partitions, replication: brokers });

    const args = ['--kafka', kafka.brokers.join(','), '--topic-prefix', 'shared', '--store', `elasticsearch=${elastic.url}`, '--elasticsearch-namespace', namespace, '--session-timeout-ms', String(sessionMs), '--elasticsearch-request-timeout-ms', '4000', '--kafka-request-timeout-ms', '3000', '--drain-timeout-ms', '3000'];
    const later: (() => unknown)[] = [];
    const start = (): Promise<RunningCollect> => RunningCollect.start({ teardown: ending => void later.push(ending) }, args);
    endings.unshift(async () => {
      for (const ending of later) await ending();
    });
    const running = await Promise.all(Array.from({ length: collectors }, start));

    const source = newSource(client, random);
    const writing = source.write();
    const faults: Record<string, number> = {};
    const done = (kind: string): void => {
      faults[kind] = (faults[kind] ?? 0) + 1;
    };
    const endMs = Date.now() + seconds * 1000;
    let isDivided = false;
    while (Date.now() < endMs) {
      await pause(1000 + random() * 5000);
      const at = Math.floor(random() * running.length);
      const choice = random();
      if (!isDivided && Date.now() > endMs - seconds * 500) {
        isDivided = true;
        await kafka.addPartitions('shared.chunks', 8);
        source.partitions = 8;
        done('partitions added');
      } else if (choice < 0.55) {
        await running[at]!.kill9();
        done('collector killed');
        if (random() < 0.5) await pause(random() * 2 * sessionMs);
        running[at] = await start();
      } else if (choice < 0.7) {
        // It sleeps longer than its session, and must not wake up writing.
        running[at]!.signal('SIGSTOP');
        await pause(sessionMs + random() * sessionMs);
        running[at]!.signal('SIGCONT');
        done('collector asleep for longer than its session');
      } else if (choice < 0.8) {
        await running[at]!.stop();
        running[at] = await start();
        done('collector ended and started');
      } else if (choice < 0.9) {
        const answer = await server.request({ method: 'POST', path: `/${namesOf(namespace).events}/_rollover` });
        if (answer.status < 300) done('rollover');
      } else if (brokers === 3) {
        const node = 1 + Math.floor(random() * brokers);
        kafka.kill9(node);
        await pause(random() * 3000);
        await kafka.startNode(node);
        done('broker killed');
      }
      say(`${Object.entries(faults).map(([kind, count]) => `${count} ${kind}`).join(', ')}; ${source.expected.length} lines`);
    }
    source.stop();
    await writing;
    await source.close();
    const verdict = await judge(server, namespace, source.expected, say);
    for (const each of running) await each.stop();
    return { ...verdict, faults };
  } finally {
    for (const ending of endings) await ending();
  }
}

function newSource(client: KafkaClient, random: () => number) {
  const expected: string[] = [];
  const ends = new Map<string, number>();
  const homes = new Map<string, number>();
  let isOver = false;
  const source = {
    expected,
    partitions: 6,
    stop: () => {
      isOver = true;
    },
    write: async (): Promise<void> => {
      for (let n = 0; !isOver; n++) {
        // New sources come into partitions that were added; a known one stays.
        const streamId = `s${Math.floor(random() * (streams + n / 400))}`;
        const partition = homes.get(streamId) ?? Math.floor(random() * source.partitions);
        const offset = ends.get(streamId) ?? 0;
        const lines = Array.from({ length: linesPerRecord }, (_, line) => (line % 4 === 3 ? text(line) : json(n * linesPerRecord + line)));
        let at = offset;
        for (const line of lines) {
          expected.push(`${streamId}:${at}`);
          at += line.length;
        }
        const bytes = Buffer.from(lines.join(''));
        if (!homes.has(streamId)) await publish('shared.streams', n % 3, [stateRecord(madeState(streamId, { partition }))]);
        homes.set(streamId, partition);
        const record = chunkRecord(madeChunk(streamId, offset, zstdCompressSync(bytes), { end: at, codec: 'zstd' }));
        await publish('shared.chunks', partition, random() < 0.1 ? [record, record] : [record]);
        ends.set(streamId, at);
        await pause(5);
      }
    },
    close: async (): Promise<void> => {
      for (const [streamId, end] of ends) await publish('shared.chunks', homes.get(streamId)!, [chunkRecord(recordOf('close', streamId, end))]);
    },
  };
  /** As the shipper's publisher: again until it is acknowledged, which may leave a record twice. */
  const publish = async (topic: string, partition: number, records: readonly OutgoingRecord[]): Promise<void> => {
    for (;;) {
      try {
        await client.produce(topic, partition, records, 'none');
        return;
      } catch {
        await pause(100);
      }
    }
  };
  return source;
}

/** Waits until all is there, or nothing more comes. */
async function judge(server: ElasticServer, namespace: string, expected: readonly string[], say: (text: string) => void): Promise<Omit<SharedVerdict, 'faults'>> {
  let last = -1;
  for (let still = 0; still < 60; ) {
    await refresh(server, namespace);
    const { count } = (await server.request({ method: 'GET', path: `/${namesOf(namespace).events}/_count` })).body as { count?: number };
    say(`${count ?? 0} of ${expected.length} stored`);
    if (count === expected.length) break;
    still = count === last ? still + 1 : 0;
    last = count ?? -1;
    await pause(1000);
  }
  // What would come twice comes late.
  await pause(3000);
  await refresh(server, namespace);
  const { events } = namesOf(namespace);
  const indices = backingIndicesIn((await server.request({ method: 'GET', path: `/_resolve/index/${events}` })).body, events);
  const found = new Map<string, number>();
  let documents = 0;
  for (const index of indices) {
    for (let after: unknown[] | null = null; ; ) {
      const answer = await server.request({ method: 'POST', path: `/${index}/_search`, body: { size: 10_000, _source: false, sort: [{ _seq_no: 'asc' }], ...(after === null ? {} : { search_after: after }) } });
      const { hits } = (answer.body as { hits: { hits: { _id: string; sort: unknown[] }[] } }).hits;
      documents += hits.length;
      for (const { _id } of hits) found.set(_id, (found.get(_id) ?? 0) + 1);
      if (hits.length < 10_000) break;
      after = hits.at(-1)!.sort;
    }
  }
  const wanted = new Set(expected);
  return {
    lines: expected.length, documents, indices: indices.length,
    missing: expected.filter(id => !found.has(id)), unexpected: [...found.keys()].filter(id => !wanted.has(id)), doubled: [...found].filter(([, count]) => count > 1).map(([id]) => id),
  };
}

if (import.meta.main) {
  const { parseArgs } = await import('node:util');
  const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, collectors: { type: 'string', default: '3' }, brokers: { type: 'string', default: '3' }, seed: { type: 'string', default: '1' }, 'no-report': { type: 'boolean', default: false } } });
  const startedMs = Date.now();
  const say = (said: string): void => void process.stdout.write(`${((Date.now() - startedMs) / 1000).toFixed(0).padStart(5)} s  ${said}\n`);
  const verdict = await collectShared({ seconds: Number(values.minutes) * 60, collectors: Number(values.collectors), brokers: values.brokers === '1' ? 1 : 3, seed: Number(values.seed), say });
  const { lines, documents, indices, missing, unexpected, doubled, faults } = verdict;
  const isRight = missing.length + unexpected.length + doubled.length === 0;
  const page = [
    `# Campaign: ${values.collectors} collectors share a store in Elasticsearch`, '',
    `${commitText()}, ${new Date(startedMs).toISOString()}; seed ${values.seed}; ${values.minutes} minutes of faults on ${values.brokers} brokers and one Elasticsearch; ${machineText()}.`, '',
    `${lines} lines, ${documents} documents in ${indices} backing indices: ${missing.length} lost, ${doubled.length} stored twice, ${unexpected.length} that nobody wrote.`, '',
    '| fault | times |', '| --- | --- |', ...Object.entries(faults).map(([kind, count]) => `| ${kind} | ${count} |`), '',
    ...[...missing.slice(0, 10).map(id => `lost: ${id}`), ...doubled.slice(0, 10).map(id => `twice: ${id}`), ...unexpected.slice(0, 10).map(id => `nobody wrote: ${id}`)].map(each => `- ${each}`),
  ].join('\n');
  process.stdout.write(`\n${page}\n`);
  if (!values['no-report']) {
    const folder = join(import.meta.dirname, 'reports');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'shared-collect.md'), `${page.trimEnd()}\n`);
  }
  process.exitCode = isRight ? 0 : 1;
}
