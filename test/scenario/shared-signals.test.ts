/**
 * Collectors that share a store in a real Elasticsearch publish to a real Kafka the signals that alerting reads: each at least once, under one id,
 * whatever happens to the collectors, and the same that one collector makes with a store of its own.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import type { SignalJson } from '#schemas/alert.ts';
import type { AlertBody } from '#schemas/http-api.ts';
import { anyContext, madeChunk, madeState, recordOf } from '../contract/made-up.ts';
import { EmbeddedReader } from '../../query/store/embedded-reader.ts';
import { RunningCollect } from '../helpers/collecting.ts';
import { elasticsearchMissing, startElasticsearch } from '../helpers/elasticsearch.ts';
import { newNamespace } from '../helpers/elasticsearch-store.ts';
import { testFolder } from '../helpers/folder.ts';
import { eventually as untilAnswered, kafkaClient, recordsOf } from '../helpers/kafka-records.ts';
import { kafkaMissing, TestKafka } from '../helpers/kafka.ts';
import { eventually, RunningLeadline } from '../helpers/leadline.ts';
import { chunkRecord, stateRecord } from '../helpers/published.ts';
import { proofSkipped } from '../helpers/skipped.ts';

const missing = kafkaMissing() ?? elasticsearchMissing();
const streams = 8;
const partitions = 4;
const linesPerChunk = 10;
const startMs = Date.UTC(2026, 10, 21, 12);

/** What was counted, by rule and key: its times, once each. @returns null where a signal came again as another */
function countedBy(signals: readonly SignalJson[]): Map<string, string[]> | null {
  const byId = new Map<string, string>();
  const counted = new Map<string, string[]>();
  for (const signal of signals) {
    const { rule, key, timesNs, signalId } = signal;
    const content = JSON.stringify(signal);
    if (byId.has(signalId)) {
      if (byId.get(signalId) !== content) return null;
      continue;
    }
    byId.set(signalId, content);
    const name = JSON.stringify([rule, ...key]);
    counted.set(name, [...(counted.get(name) ?? []), ...timesNs]);
  }
  for (const [name, times] of counted) counted.set(name, times.sort());
  return new Map([...counted].sort(([a], [b]) => (a < b ? -1 : 1)));
}

if (missing !== null) proofSkipped('signals of collectors that share a store', missing);
else {
  test('signals of collectors that are killed and share partitions anew: each match is in one signal, as with a store of their own, and alerts open over them', async t => {
    const elastic = await startElasticsearch();
    t.teardown(() => elastic.stop());
    const kafka = await TestKafka.start({ portsFrom: 33_000 });
    t.teardown(() => kafka.stop());
    const client = kafkaClient(kafka.brokers);
    t.teardown(() => client.close());
    const prefix = 'told';
    for (const [kind, count] of [['chunks', partitions], ['streams', 1], ['dead-letters', 1]] as const) await kafka.createTopic(`${prefix}.${kind}`, { partitions: count });
    const config = join(testFolder(t), 'leadline.yaml');
    writeFileSync(config, ['alerts:', '  rules:', '    - { name: errors, type: threshold, query: "level>=error", by: [service], count: 5, windowMs: 1000 }', '    - { name: declined, type: threshold, query: "\\"card declined\\"", by: [], count: 3, windowMs: 1000 }', ''].join('\n'));
    const namespace = newNamespace();
    const from = ['--config', config, '--kafka', kafka.brokers.join(','), '--topic-prefix', prefix];
    const store = ['--store', `elasticsearch=${elastic.url}`, '--elasticsearch-namespace', namespace];
    const args = [...from, ...store, '--session-timeout-ms', '6s', '--elasticsearch-request-timeout-ms', '3000', '--drain-timeout-ms', '3000'];

    const expected = new Map<string, string[]>();
    const ends = new Map<string, number>();
    let lines = 0;
    const write = async (): Promise<void> => {
      const streamId = `stream${lines % streams}`;
      const service = `service${(lines % streams) % 3}`;
      const given = { origin: { service, container: null, pod: null, namespace: null, node: null } };
      let value = '';
      for (let n = 0; n < linesPerChunk; n++, lines++) {
        const time = new Date(startMs + lines).toISOString();
        const [isError, isDeclined] = [lines % 3 === 0, lines % 5 === 0];
        value += `${JSON.stringify({ time, level: isError ? 'error' : 'info', msg: isDeclined ? `card declined ${lines}` : `order ${lines}` })}\n`;
        const ns = `${BigInt(startMs + lines)}000000`;
        for (const name of [...(isError ? [JSON.stringify(['errors', service])] : []), ...(isDeclined ? ['["declined"]'] : [])]) expected.set(name, [...(expected.get(name) ?? []), ns]);
      }
      const offset = ends.get(streamId) ?? 0;
      ends.set(streamId, offset + value.length);
      const partition = Number(streamId.slice('stream'.length)) % partitions;
      await untilAnswered(() => client.produce(`${prefix}.chunks`, partition, [chunkRecord(madeChunk(streamId, offset, value, given))], 'none'));
    };
    for (let n = 0; n < streams; n++) await untilAnswered(() => client.produce(`${prefix}.streams`, 0, [stateRecord(madeState(`stream${n}`))], 'none'));

    // Without the topic nothing is passed, and whoever looks is told why.
    let one = await RunningCollect.start(t, args);
    for (let n = 0; n < 10; n++) await write();
    await eventually(() => one.text('/readyz'), ({ status, body }) => status === 503 && body.includes(`${prefix}.signals`));
    await kafka.createTopic(`${prefix}.signals`, { partitions: 2 });
    await eventually(() => one.report(), ({ publishing }) => publishing !== null && publishing.publishedSignals > 0);

    let isOver = false;
    const writing = (async () => {
      while (!isOver) {
        await write();
        await pause(10);
      }
    })();
    let other = await RunningCollect.start(t, args);
    for (let kill = 0; kill < 3; kill++) {
      const before = (await recordsOf(client, `${prefix}.signals`)).length;
      await eventually(async () => (await recordsOf(client, `${prefix}.signals`)).length, count => count > before);
      await pause(Math.random() * 500);
      if (kill % 2 === 0) {
        await one.kill9();
        one = await RunningCollect.start(t, args);
      } else {
        await other.kill9();
        other = await RunningCollect.start(t, args);
      }
    }
    isOver = true;
    await writing;
    for (const [streamId, end] of ends) await untilAnswered(() => client.produce(`${prefix}.chunks`, Number(streamId.slice('stream'.length)) % partitions, [chunkRecord(recordOf('close', streamId, end))], 'none'));
    const wanted = new Map([...expected].map(([name, times]) => [name, times.sort()] as const).sort(([a], [b]) => (a < b ? -1 : 1)));
    const matches = [...wanted.values()].reduce((sum, times) => sum + times.length, 0);
    const published = async (): Promise<SignalJson[]> => (await recordsOf(client, `${prefix}.signals`)).map(({ value }) => JSON.parse(Buffer.from(value!).toString()) as SignalJson);
    const counted = await eventually(async () => countedBy(await published()), found => found === null || [...found.values()].reduce((sum, times) => sum + times.length, 0) >= matches, 300);
    t.deepEqual(counted, wanted);

    // What serve alerts on over that store, and what a collector with a store of its own makes of the same topic.
    const serving = await RunningLeadline.serve(['--config', config, '--data-dir', join(testFolder(t), 'alerts'), ...store]);
    t.teardown(() => serving.kill9());
    const alerts = await eventually(async () => (await serving.json<{ alerts: AlertBody[] }>('/api/v1/alerts')).alerts, found => new Set(found.map(({ rule, key }) => JSON.stringify([rule, key]))).size === 4);
    t.deepEqual([...new Set(alerts.map(({ rule }) => rule))].sort(), ['declined', 'errors']);
    const dataDir = testFolder(t);
    const alone = await RunningCollect.start(t, [...from, '--data-dir', dataDir]);
    await eventually(() => alone.report(), ({ stored }) => stored.lines === lines);
    t.is(await alone.stop(), 0);
    const reader = new EmbeddedReader(dataDir);
    const { signals } = await reader.signalsAfter(null, 100_000, anyContext);
    await reader.close();
    t.deepEqual(countedBy(signals.map(signal => ({ ...signal, timesNs: signal.timesNs.map(String), lastTimeNs: String(signal.lastTimeNs), watermarkNs: String(signal.watermarkNs) }))), wanted);
    for (const running of [one, other]) t.is(await running.stop(), 0);
  });
}
