/**
 * Collecting into Elasticsearch, beside any number of other collectors: what comes from Kafka as the consumer group divides it, what comes over HTTP as
 * it comes.
 */
import type { Chunk } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { Signal } from '#schemas/alert.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { Options } from '#schemas/options.ts';
import type { StoredStream } from '#schemas/store.ts';
import type { StreamState } from '#schemas/transport.ts';
import { topicName } from '#schemas/topics.ts';
import { Connections, type ChunkTaker } from '../collector/connections.ts';
import { FirstSight } from '../collector/first-sight.ts';
import type { CollectorIntake } from '../collector/intake.ts';
import { nothingCounted, sumOfCounts, type CollectorCounts, type CollectorParts } from '../collector/parts.ts';
import { RefusedEvents } from '../collector/refused-events.ts';
import { SharedCollecting } from '../collector/shared-collecting.ts';
import { openSharedIntake } from '../collector/shared-intake.ts';
import { ElasticsearchWriter } from '../collector/store/elasticsearch/elasticsearch-writer.ts';
import { systemClock } from '#lib/clock.ts';
import { ElasticServer } from '#lib/elasticsearch/server.ts';
import { GroupMember } from '#lib/kafka/group-member.ts';
import { KafkaClient } from '#lib/kafka/kafka-client.ts';
import { retentionIntervalMs, totalsOf, type CollectorReport, type CollectorWork, type CollectorWorkParts } from './collector-work.ts';
import type { StoreChoice } from './elasticsearch-options.ts';
import { KafkaPublishing } from './kafka-publishing.ts';

/** What is stored of streams and positions is written with every commit: a few large ones cost less than many small ones. */
const commitIntervalMsMin = 200;
const commitEventsMaxMin = 8192;
const commitBytesMaxMin = 4 * 1024 * 1024;
/** What members have to let go of their partitions beyond what storing takes. */
const rebalanceMsExtra = 15_000;
const leaveMsMax = 3000;
/** A backing index holds at most a day, so that retention can let go of days. */
const rolloverMsMax = 86_400_000;

export async function collectShared({ options: given, rules, kafka: clientOptions, log, onCommitted }: CollectorWorkParts, choice: Extract<StoreChoice, { kind: 'elasticsearch' }>): Promise<CollectorWork> {
  const options: Options = { ...given, commitIntervalMs: Math.max(given.commitIntervalMs, commitIntervalMsMin), commitEventsMax: Math.max(given.commitEventsMax, commitEventsMaxMin), commitBytesMax: Math.max(given.commitBytesMax, commitBytesMaxMin) };
  const client = clientOptions === null ? null : new KafkaClient(clientOptions);
  const topics = { chunks: topicName(options.topicPrefix, 'chunks'), deadLetters: topicName(options.topicPrefix, 'dead-letters') };
  const refused = new RefusedEvents(client, topics, log);
  const publishing = clientOptions === null ? null : await KafkaPublishing.start(clientOptions, { options, reader: null, log });
  const committed = (events: readonly LogEvent[]): void => {
    publishing?.committed(events);
    onCommitted();
  };
  const server = new ElasticServer(choice.server);
  const newWriter = (mayWrite: () => boolean): ElasticsearchWriter => new ElasticsearchWriter({ server, namespace: choice.namespace, log, mayWrite, onRefused: (event, reason) => refused.add(event, reason), ...(publishing === null ? {} : { onSignals: (signals: readonly Signal[]) => publishing.publishSignals(signals) }), rolloverMs: Math.min(rolloverMsMax, options.retentionMs / 4), rolloverBytes: options.fileBytesMax, retentionMs: options.retentionMs, retentionBytesMax: options.retentionBytesMax });

  const http = new SharedHttp(newWriter(() => true), { options, rules, log, onCommitted: committed });
  let collecting: SharedCollecting | null = null;
  let member: GroupMember | null = null;
  let membership: Promise<void> = Promise.resolve();
  if (client !== null) {
    const kafka = client;
    const shared = new SharedCollecting({ kafka, newWriter: () => newWriter(() => member?.mayWrite() ?? false), options, rules, log, clock: systemClock, onCommitted: committed, onCommittedOffsets: offsets => void member?.commit(offsets) });
    member = new GroupMember({
      cluster: kafka.cluster, group: options.group, topics: [topics.chunks, topicName(options.topicPrefix, 'streams'), ...options.topic], sessionMs: options.sessionTimeoutMs, rebalanceMs: options.drainTimeoutMs + options.sessionTimeoutMs + rebalanceMsExtra,
      onAssigned: assignment => shared.begin(assignment), onRevoked: isLost => shared.end(isLost), log, clock: systemClock,
    });
    collecting = shared;
    membership = member.run();
  }
  const retention = setInterval(() => {
    const retained = async (): Promise<void> => {
      const gone = (await http.retain()) ?? (await collecting?.retain(Date.now()));
      if (gone !== undefined && gone.files > 0) log.info({ event: 'storeFilesExpired', ...gone }, 'backing indices older than the retention, or over its size, were let go');
    };
    void retained().catch((error: unknown) => log.warn({ event: 'retentionFailed', err: error }, 'what is past the retention could not be let go'));
  }, retentionIntervalMs);

  const report = (): CollectorReport => {
    const own = collecting?.report() ?? null;
    return {
      counts: sumOfCounts([http.counts, collecting?.counts ?? nothingCounted]),
      stalledBecause: (collecting?.stalledBy ?? http.stalledBy)?.message ?? publishing?.signalsTroubledBy ?? null,
      stored: totalsOf([...http.streams(), ...(collecting?.streams() ?? [])]),
      kafka: own === null ? null : { ...own, troubledBy: member?.troubledBy ?? own.troubledBy ?? refused.troubledBy, deadLetters: own.deadLetters + refused.count },
      publishing: publishing?.report() ?? null,
    };
  };
  return {
    connect: () => http.connect(),
    note: () => undefined,
    report,
    stop: async () => {
      clearInterval(retention);
      const last = report();
      member?.stop();
      // Joining may wait for members that are gone; everybody else goes on without this one.
      await Promise.race([membership, systemClock.sleep(options.drainTimeoutMs + leaveMsMax)]);
      await http.stop();
      await publishing?.stop(options.drainTimeoutMs);
      await refused.stop(options.drainTimeoutMs);
      await client?.close();
      return { ...report(), kafka: last.kafka };
    },
  };
}

type HttpParts = Pick<CollectorWorkParts, 'options' | 'rules' | 'log'> & Pick<CollectorParts, 'onCommitted'>;

/** What comes over HTTP: streams that no partition has, stored beside those of others that come that way. */
class SharedHttp implements ChunkTaker {
  private readonly writer: ElasticsearchWriter;
  private readonly parts: HttpParts;
  private readonly connections = new Connections();
  private opening: Promise<CollectorIntake> | null = null;
  private intake: CollectorIntake | null = null;
  private readonly sight: FirstSight;
  private readonly stopping = new AbortController();

  constructor(writer: ElasticsearchWriter, parts: HttpParts) {
    this.writer = writer;
    this.parts = parts;
    // Others may have stored of a stream since this writer was opened.
    this.sight = new FirstSight(writer, () => false);
  }

  get counts(): CollectorCounts {
    return this.intake?.collector.counts ?? nothingCounted;
  }

  get stalledBy(): LeadlineError | null {
    return this.writer.stalledBy ?? this.intake?.collector.stalledBy ?? null;
  }

  /** Those that came this way. */
  streams(): StoredStream[] {
    return [...this.sight.seen].map(streamId => this.writer.lastKnown(streamId)).filter(stream => stream !== null);
  }

  connect(): ReturnType<Connections['connect']> {
    return this.connections.connect(this);
  }

  async accept(chunk: Chunk): Promise<void> {
    await (await this.open()).accept(chunk);
  }

  async publishStates(states: readonly StreamState[]): Promise<void> {
    const intake = await this.open();
    await this.sight.look(intake, states.map(({ streamId }) => streamId));
    await intake.publishStates(states);
  }

  async statesOf(sources: readonly string[]): Promise<StreamState[]> {
    return (await this.open()).statesOf(sources);
  }

  /** Null where nothing came this way yet. */
  async retain(): Promise<{ files: number; bytes: number } | null> {
    return this.intake === null ? null : this.writer.retain(Date.now());
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    const { intake } = this;
    if (intake !== null) await Promise.race([intake.stop(), systemClock.sleep(this.parts.options.drainTimeoutMs)]);
    intake?.abandon();
    await this.writer.close();
  }

  /** At the first need, for as long as it takes. */
  private open(): Promise<CollectorIntake> {
    this.opening ??= this.begin();
    return this.opening;
  }

  private async begin(): Promise<CollectorIntake> {
    const { writer, sight } = this;
    const intake = await openSharedIntake({ ...this.parts, writer, sight, isOnlyOwner: false, signal: this.stopping.signal, clock: systemClock });
    if (intake === null) throw new LeadlineError('CANCELLED');
    intake.onStored = acknowledgements => this.connections.acknowledged(acknowledgements);
    this.intake = intake;
    return intake;
  }
}
