/** The manifests of deploy/kubernetes, played in real containers with a real broker: crashes and restarts inside, and exactly the bytes of the files in the topic. */
import { createHash } from 'node:crypto';
import { appendFileSync, chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { parseAllDocuments } from 'yaml';
import { KafkaClient } from '#lib/kafka/kafka-client.ts';
import { madeChunk } from '../contract/made-up.ts';
import { runCommand } from '../helpers/command.ts';
import { elasticsearchMissing, startElasticsearch } from '../helpers/elasticsearch.ts';
import { eventually } from '../helpers/leadline.ts';
import { chunkRecord } from '../helpers/published.ts';
import { baseImage, buildImage, containersMissing, imageMb, leadlineImage, playablePod, PlayedPod, runImage, type Container, type PodSpec } from '../helpers/containers.ts';
import { testFolder } from '../helpers/folder.ts';
import { kafkaMissing, TestKafka } from '../helpers/kafka.ts';
import { proofSkipped } from '../helpers/skipped.ts';
import { streamsOfTopic, type TopicStream } from '../helpers/topic-bytes.ts';

const root = join(import.meta.dirname, '../..');
const missing = containersMissing() ?? kafkaMissing() ?? elasticsearchMissing();
const titles = {
  image: 'ship, collect and up of the image: each starts on a read-only root and ends on SIGTERM, and compiles no TypeScript',
  sidecar: 'a pod with the sidecar of deploy/kubernetes, application and shipper killed again and again: the topic has every byte of every file, and the last lines',
  elasticsearch: 'collectors and serve of deploy/kubernetes over a real broker and a real Elasticsearch, a collector killed: every line is there once, behind the key, and its alert',
  daemonSet: 'the DaemonSet of deploy/kubernetes over CRI files of a node, pod made anew with an empty checkpoint: the topic has every byte of every file under its pod and container',
};

interface Manifest {
  kind: string;
  metadata: { name: string };
  data: Record<string, string>;
  spec: { template: { spec: PodSpec } };
}

function manifestsOf(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(join(root, 'deploy', 'kubernetes', file), 'utf8')).map(document => document.toJS() as Manifest);
}

/** The one pod template in a manifest. */
function templateOf(file: string): PodSpec {
  return manifestsOf(file)[0]!.spec.template.spec;
}

function setEnvironment(container: Container, values: Record<string, string>): void {
  container.env = [...container.env!.filter(({ name }) => !(name in values)), ...Object.entries(values).map(([name, value]) => ({ name, value }))];
}

const named = (spec: PodSpec, name: string): Container => spec.containers.find(container => container.name === name)!;
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

async function readyz(port: number): Promise<number> {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(answer => answer.status, () => 0);
}

/** Far from where the broker takes its ports, and from those that outgoing connections get. */
const ports = { sidecar: 28_900, daemonSet: 28_901, collect: 28_902, collectToo: 28_903, serve: 28_904 };

async function untilReady(pod: PlayedPod, port: number): Promise<void> {
  for (let look = 0; (await readyz(port)) !== 200; look++) {
    if (look >= 2000) throw new Error(`not ready at port ${port}; its last words: ${(await pod.logs('leadline')).slice(-2000)}`);
    await pause(50);
  }
}

interface Cluster {
  broker: TestKafka;
  kafka: KafkaClient;
  prefix: string;
}

async function cluster(t: ExecutionContext, prefix: string): Promise<Cluster> {
  const broker = await TestKafka.start({ portsFrom: 26_000 });
  t.teardown(() => broker.stop());
  for (const [kind, partitions] of [['chunks', 6], ['streams', 3], ['clock', 1]] as const) await broker.createTopic(`${prefix}.${kind}`, { partitions });
  const kafka = new KafkaClient({ brokers: broker.brokers, clientId: 'auditor', tls: null, login: null, requestTimeoutMs: 10_000 });
  t.teardown(() => kafka.close());
  return { broker, kafka, prefix };
}

/** Asks the topic until its streams hold as many bytes as the files, or a minute has passed. */
async function streamsWhen({ kafka, prefix }: Cluster, bytes: number): Promise<TopicStream[]> {
  for (let look = 0; ; look++) {
    const streams = await streamsOfTopic(kafka, `${prefix}.chunks`);
    if (streams.reduce((sum, stream) => sum + stream.bytes.length, 0) >= bytes || look >= 60) return streams;
    await pause(1000);
  }
}

if (missing !== null) for (const title of Object.values(titles)) proofSkipped(title, missing);
else {
  test.before('the image is built from deploy/Dockerfile', async t => {
    t.timeout(600_000);
    await buildImage();
    const { whole, base } = await imageMb();
    t.log(`image ${whole.toFixed(0)} MB, of it ${base.toFixed(0)} MB the base image`);
  });

  test.serial(titles.image, async t => {
    t.timeout(120_000);
    // Nobody answers at these addresses: what is asked is whether it runs.
    const parts = [['ship', '/data', '--kafka', '127.0.0.1:1', '--include', '*.none', '--drain-timeout-ms', '100'], ['collect', '--kafka', '127.0.0.1:1'], ['up', '/leadline/package.json']];
    for (const args of parts) {
      const { code, output } = await runImage([...args, '--port', '0'], /"url":"http|Leadline is at/, { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' });
      // 3: what it read could not be handed over.
      t.true(code === 0 || (code === 3 && args[0] === 'ship'), `${args[0]} ended with ${code}`);
      t.deepEqual([...output.matchAll(/no transpile cache for StrippedTypeScript (\S+)/g)].map(([, file]) => file), [], `${args[0]}: add it to deploy/warm.mjs`);
      t.regex(output, /for StrippedTypeScript \S+\.\.\..*success/, `${args[0]}: the cache is in use`);
    }
  });

  test.serial(titles.sidecar, async t => {
    t.timeout(600_000);
    const kafka = await cluster(t, 'pod');
    const port = ports.sidecar;
    const spec = playablePod('leadline-sidecar', templateOf('sidecar.yaml'));
    const sidecar = named(spec, 'leadline');
    sidecar.image = leadlineImage;
    setEnvironment(sidecar, { LEADLINE_KAFKA: kafka.broker.brokers.join(','), LEADLINE_TOPIC_PREFIX: 'pod', LEADLINE_PORT: String(port) });
    const app = named(spec, 'app');
    app.image = baseImage;
    app.command = ['node', '/app/numbered-lines.mjs'];
    // podman does not know fsGroup: the volume belongs to whoever mounts it first.
    app.securityContext = { ...app.securityContext, runAsUser: 1000, runAsGroup: 1000 };
    app.env = Object.entries({ LOG_FILE: '/var/log/app/checkout.log', LINES_PER_TURN: '60', ROTATE_BYTES: '3000000' }).map(([name, value]) => ({ name, value }));
    app.volumeMounts!.push({ name: 'program', mountPath: '/app', readOnly: true });
    spec.volumes!.push({ name: 'program', hostPath: { path: join(root, 'test', 'helpers', 'containers'), type: 'Directory' } });

    const pod = await PlayedPod.play('leadline-sidecar', spec);
    t.teardown(() => pod.remove());
    await untilReady(pod, port);
    t.deepEqual(
      await Promise.all(['Uid', 'CapEff', 'NoNewPrivs', 'Seccomp'].map(field => pod.statusOf('leadline', field))),
      ['1000\t1000\t1000\t1000', '0000000000000000', '1', '2'],
      'it runs as nobody special',
    );

    let peakKb = 0;
    const notePeak = async (): Promise<void> => {
      peakKb = Math.max(peakKb, parseInt(await pod.statusOf('leadline', 'VmHWM'), 10));
    };
    // Uneven pauses, so that kills meet it while it starts, reads and rotates.
    for (const [index, pauseMs] of [1500, 300, 2700, 900, 100, 1900, 3100, 700].entries()) {
      await pause(pauseMs);
      if (index % 3 !== 1) {
        await notePeak();
        await pod.kill9('leadline');
      } else await pod.kill9('app');
    }
    await pause(3000);
    await untilReady(pod, port);
    await notePeak();

    // As the kubelet ends a pod with a native sidecar: the application first.
    t.is(await pod.stop('app'), 0, await pod.logs('app'));
    t.is(await pod.stop('leadline'), 0, await pod.logs('leadline'));
    t.false(await pod.wasKilledForMemory('leadline'));

    const folder = await pod.volumeFolder('logs');
    const files = readdirSync(folder).map(name => readFileSync(join(folder, name)));
    const written = files.reduce((sum, bytes) => sum + bytes.length, 0);
    const streams = await streamsOfTopic(kafka.kafka, 'pod.chunks');
    t.true(files.length > 5, 'it rotated');
    const held = new Set(files.map(digest));
    const strange = streams.filter(({ bytes, streamId }) => !held.has(digest(bytes)) || streams.some(other => other.streamId < streamId && other.bytes.equals(bytes)));
    for (const stream of strange) t.log(`${stream.streamId} of ${stream.headers['ll-path']}, ${stream.bytes.length} bytes, ${stream.closed ? 'closed' : 'open'}, after ${stream.headers['ll-previous'] ?? 'nothing'}: ${digest(stream.bytes)}`);
    t.deepEqual(streams.map(({ bytes }) => digest(bytes)).sort(), files.map(digest).sort(), 'what the files hold and what the topic holds');
    t.deepEqual([...new Set(streams.flatMap(({ gaps }) => gaps))], []);
    t.is(streams.map(({ bytes }) => bytes.toString().split('goodbye\n').length - 1).reduce((sum, count) => sum + count, 0), 500, 'the last lines');
    const { 'll-service': service, 'll-container': container, 'll-pod': podName, 'll-namespace': namespace, 'll-node': node } = streams[0]!.headers;
    t.deepEqual([service, container, podName, namespace, node], ['checkout', 'app', 'leadline-sidecar', 'shop', 'node-a']);
    t.log(`${files.length} files, ${(written / 1e6).toFixed(1)} MB, sent again ${(streams.reduce((sum, stream) => sum + stream.repeatedBytes, 0) / 1e6).toFixed(2)} MB; peak ${(peakKb / 1000).toFixed(0)} MB`);
  });

  test.serial(titles.elasticsearch, async t => {
    t.timeout(600_000);
    const elastic = await startElasticsearch();
    t.teardown(() => elastic.stop());
    const broker = await TestKafka.start({ portsFrom: 26_000 });
    t.teardown(() => broker.stop());
    const kafka = new KafkaClient({ brokers: broker.brokers, clientId: 'auditor', tls: null, login: null, requestTimeoutMs: 10_000 });
    t.teardown(() => kafka.close());
    const manifests = manifestsOf('elasticsearch.yaml');
    const config = testFolder(t);
    chmodSync(config, 0o755);
    const given = manifests.find(({ kind }) => kind === 'ConfigMap')!.data['leadline.yaml']!;
    const text = given.replace('kafka:9092', broker.brokers.join(', ')).replace('https://elasticsearch:9200', elastic.url);
    t.false(text.includes('kafka:9092') || text.includes('elasticsearch:9200'));
    const path = join(config, 'leadline.yaml');
    writeFileSync(path, text, { mode: 0o644 });
    const applied = await runCommand(['topics', 'apply', '--config', path]);
    t.is(applied.code, 0, applied.stderr);

    const play = async (of: string, name: string, port: number): Promise<PlayedPod> => {
      const spec = playablePod(name, manifests.find(({ metadata }) => metadata.name === of)!.spec.template.spec);
      const container = named(spec, 'leadline');
      container.image = leadlineImage;
      setEnvironment(container, { LEADLINE_ELASTICSEARCH_API_KEY: 'unasked', LEADLINE_PORT: String(port), ...(of === 'leadline-serve' ? { LEADLINE_API_KEY: 'the key' } : {}) });
      spec.volumes = spec.volumes!.map(({ name: volume }) => (volume.endsWith('-config') ? { name: volume, hostPath: { path: config, type: 'Directory' } } : { name: volume, emptyDir: {} }));
      // podman does not know fsGroup.
      const pod = await PlayedPod.play(name, spec);
      t.teardown(() => pod.remove());
      return pod;
    };
    const collectors = [await play('leadline-collect', 'leadline-collect-1', ports.collect), await play('leadline-collect', 'leadline-collect-2', ports.collectToo)];
    const total = 3000;
    const { partitions } = await kafka.topic('leadline.chunks');
    for (let n = 0; n < total; n += 10) {
      const streamId = `stream${(n / 10) % 5}`;
      const value = Array.from({ length: 10 }, (_, index) => `{"time":"${new Date().toISOString()}","level":"error","msg":"line ${String(n + index).padStart(6, '0')}"}\n`).join('');
      const offset = Math.floor(n / 50) * value.length;
      await kafka.produce('leadline.chunks', (n / 10) % Math.min(5, partitions), [chunkRecord(madeChunk(streamId, offset, value))], 'none');
      if (n === 1000) await collectors[0]!.kill9('leadline');
      if (n % 100 === 0) await pause(20);
    }
    const serve = await play('leadline-serve', 'leadline-serve-1', ports.serve);
    await untilReady(serve, ports.serve);
    const ask = async <T>(route: string): Promise<T> => {
      const answer = await fetch(`http://127.0.0.1:${ports.serve}${route}`, { headers: { authorization: 'Bearer the key' } });
      return (await answer.json()) as T;
    };
    const counted = await eventually(() => ask<{ events?: unknown[] }>('/api/v1/events?query=line&limit=10000'), ({ events = [] }) => events.length >= total, 500);
    t.is(counted.events!.length, total);
    t.is((await fetch(`http://127.0.0.1:${ports.serve}/api/v1/events`)).status, 401);
    await eventually(() => ask<{ alerts: { rule: string }[] }>('/api/v1/alerts'), ({ alerts }) => alerts.some(({ rule }) => rule === 'errors'), 500);
    for (const [index, port] of [ports.collect, ports.collectToo].entries()) await untilReady(collectors[index]!, port);
    const peaks = await Promise.all([...collectors, serve].map(async pod => Math.round(parseInt(await pod.statusOf('leadline', 'VmHWM'), 10) / 1000)));
    for (const pod of [...collectors, serve]) {
      t.is(await pod.stop('leadline'), 0, await pod.logs('leadline'));
      t.false(await pod.wasKilledForMemory('leadline'));
    }
    t.log(`peaks of the collectors and of serve: ${peaks.join(', ')} MB`);
  });

  test.serial(titles.daemonSet, async t => {
    t.timeout(600_000);
    const kafka = await cluster(t, 'node');
    const port = ports.daemonSet;
    const tree = join(testFolder(t), 'log');
    const node = new FakeNode(tree);
    const spec = playablePod('leadline-node', templateOf('daemonset.yaml'));
    const shipper = named(spec, 'leadline');
    shipper.image = leadlineImage;
    setEnvironment(shipper, { LEADLINE_KAFKA: kafka.broker.brokers.join(','), LEADLINE_TOPIC_PREFIX: 'node', LEADLINE_PORT: String(port) });
    spec.volumes!.find(({ hostPath }) => hostPath !== undefined)!.hostPath!.path = join(tree, 'pods');
    // As with docker under the kubelet: the files of /var/log/pods are links that lead elsewhere.
    shipper.volumeMounts!.push({ name: 'docker', mountPath: join(tree, 'docker'), readOnly: true });
    spec.volumes!.push({ name: 'docker', hostPath: { path: join(tree, 'docker'), type: 'Directory' } });

    let pod = await PlayedPod.play('leadline-node', spec);
    t.teardown(() => pod.remove());
    await untilReady(pod, port);
    for (let round = 0; round < 6; round++) {
      await node.write(1500);
      if (round % 2 === 0) await pod.kill9('leadline');
      if (round === 3) {
        // A roll-out: the pod goes with its checkpoint, another comes.
        await pod.stop('leadline');
        await pod.remove();
        await node.write(300);
        pod = await PlayedPod.play('leadline-node', spec);
      }
      node.rotate();
    }
    await node.write(300);
    await untilReady(pod, port);
    const files = node.files();
    const streams = await streamsWhen(kafka, files.reduce((sum, file) => sum + file.bytes.length, 0));
    t.is(await pod.stop('leadline'), 0, await pod.logs('leadline'));
    t.deepEqual(
      streams.map(({ headers, bytes }) => `${headers['ll-namespace']}/${headers['ll-pod']}/${headers['ll-container']} on ${headers['ll-node']} ${headers['ll-framing']} ${digest(bytes)}`).sort(),
      files.map(({ source, framing, bytes }) => `${source} on node-a ${framing} ${digest(bytes)}`).sort(),
    );
    t.log(`${files.length} files, sent again ${(streams.reduce((sum, stream) => sum + stream.repeatedBytes, 0) / 1e6).toFixed(2)} MB`);
  });
}

/** /var/log/pods of a node: two containers written by a CRI runtime, some lines in pieces, and one of docker's, reached over a link. */
class FakeNode {
  private readonly containers: { source: string; framing: 'cri' | 'docker'; folder: string; path: string }[];
  private number = 0;

  constructor(tree: string) {
    const cri = (source: string, podFolder: string, container: string): (typeof this.containers)[number] => {
      const folder = join(tree, 'pods', podFolder, container);
      mkdirSync(folder, { recursive: true });
      return { source, framing: 'cri', folder, path: join(folder, '0.log') };
    };
    const docker = cri('shop/payment-7d4b9c6f5-x2x7k/app', 'shop_payment-7d4b9c6f5-x2x7k_0b1c2d3e-1111-4222-8333-444455556666', 'app');
    const id = 'c0ffee'.repeat(10).slice(0, 64).padEnd(64, '0');
    const dockerFolder = join(tree, 'docker', id);
    mkdirSync(dockerFolder, { recursive: true });
    symlinkSync(join(dockerFolder, `${id}-json.log`), docker.path);
    this.containers = [
      cri('shop/cart-5f6585d649-fnmft/server', 'shop_cart-5f6585d649-fnmft_2f3a1b4c-5d6e-4f70-8a91-b2c3d4e5f607', 'server'),
      cri('shop/cart-5f6585d649-fnmft/proxy', 'shop_cart-5f6585d649-fnmft_2f3a1b4c-5d6e-4f70-8a91-b2c3d4e5f607', 'proxy'),
      { ...docker, framing: 'docker', folder: dockerFolder, path: join(dockerFolder, `${id}-json.log`) },
    ];
    for (const { path } of this.containers) {
      writeFileSync(path, '');
      chmodSync(path, 0o640);
    }
  }

  /** Some seconds of lines, a turn every 10 ms. */
  async write(ms: number): Promise<void> {
    for (let turn = 0; turn < ms / 10; turn++) {
      for (const { framing, path } of this.containers) appendFileSync(path, Array.from({ length: 10 }, () => this.entry(framing)).join(''));
      await pause(10);
    }
  }

  private entry(framing: 'cri' | 'docker'): string {
    const time = new Date().toISOString().replace('Z', '000000Z');
    const text = `line ${this.number++} of the node's pods`;
    if (framing === 'docker') return `${JSON.stringify({ log: `${text}\n`, stream: 'stdout', time })}\n`;
    if (this.number % 7 === 0) return `${time} stdout P ${text}\n${time} stderr F in between\n${time} stdout F , its other piece\n`;
    return `${time} stdout F ${text}\n`;
  }

  /** As the kubelet does it: the file is renamed with the time, and the runtime opens another. */
  rotate(): void {
    const stamp = new Date().toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
    for (const { framing, path } of this.containers) {
      // Docker's rotated files are in no folder that the kubelet shows.
      if (framing === 'docker') continue;
      renameSync(path, `${path}.${stamp}`);
      writeFileSync(path, '');
      chmodSync(path, 0o640);
    }
  }

  files(): { source: string; framing: string; bytes: Buffer }[] {
    return this.containers.flatMap(({ source, framing, folder }) => readdirSync(folder).map(name => ({ source, framing, bytes: readFileSync(join(folder, name)) }))).filter(({ bytes }) => bytes.length > 0);
  }
}
