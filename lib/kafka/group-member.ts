/**
 * A member of a consumer group: it joins, is given partitions, says that it lives, and lets go of everything before others get it (eager rebalancing).
 *
 * THE LOOP: join -> the leader assigns -> `onAssigned` -> heartbeats until the group changes or this member is out of it -> `onRevoked` -> join.
 *
 * Members tell what they let go of themselves, with everything done; whoever gets one of those needs not wait for what its last owner may still have
 * under way. What was owned by a member that died is on nobody's list.
 */
import type { Clock, SteadyTime } from '../clock.ts';
import type { Log } from '../log.ts';
import type { BrokerConnection } from './broker-connection.ts';
import type { Cluster } from './cluster.ts';
import { errorNameOf, kafkaErrorOf } from './error-codes.ts';
import { assignPartitions } from './group-assignment.ts';
import { assignmentBytes, findCoordinatorBody, findCoordinatorKind, heartbeatBody, heartbeatKind, joinGroupBody, joinGroupKind, leaveGroupBody, leaveGroupKind, offsetCommitBody, offsetCommitKind, readAssignment, readSubscription, subscriptionBytes, syncGroupBody, syncGroupKind, type JoinedMember, type PartitionOffset } from './requests/group.ts';
import { KafkaError } from './types.ts';

export interface Assignment {
  generation: number;
  partitions: { topic: string; partition: number }[];
  /** Of them those whose last owner let go of them itself: `topic:partition`. */
  released: ReadonlySet<string>;
}

export interface GroupMemberParts {
  cluster: Cluster;
  group: string;
  topics: readonly string[];
  /** Without a heartbeat for so long a member counts as dead. */
  sessionMs: number;
  /** What members have to let go of everything. */
  rebalanceMs: number;
  /** Begins to work on the partitions, and returns. */
  onAssigned: (assignment: Assignment) => void;
  /**
   * Lets go of everything.
   * @param isLost others may have the partitions already
   * @returns whether everything of them is done
   */
  onRevoked: (isLost: boolean) => Promise<boolean>;
  log: Log;
  clock: Clock & SteadyTime;
}

const protocol = 'leadline';
const retryDelayMsMin = 200;
const retryDelayMsMax = 5000;
/** A part of `sessionMs` is left for what is sent right before it ends. */
const writingShare = 0.7;

type BeatEnd = 'changed' | 'lost' | 'stopped';

export class GroupMember {
  /** Why it has no partitions, or null. */
  troubledBy: string | null = 'the consumer group is being joined';
  private readonly parts: GroupMemberParts;
  private readonly stopping = new AbortController();
  private connection: BrokerConnection | null = null;
  private memberId = '';
  private generation = -1;
  /** When what the coordinator heard last was sent, by both clocks. */
  private lastBeat = { wallMs: -Infinity, steadyMs: -Infinity };
  private letGo: { generation: number; partitions: string[] } = { generation: -1, partitions: [] };
  private isMember = false;
  /** How many partitions each topic had when the leader assigned them. */
  private assignedOf: readonly number[] | null = null;

  constructor(parts: GroupMemberParts) {
    this.parts = parts;
  }

  /** Whether no other member can have this one's partitions yet. */
  mayWrite(): boolean {
    return this.isMember && this.sinceBeatMs() < this.parts.sessionMs * writingShare;
  }

  /** Until it is stopped. @throws whatever is not Kafka's */
  async run(): Promise<void> {
    const { clock, log } = this.parts;
    for (let attempts = 0; !this.isStopped; ) {
      let assignment: Assignment;
      try {
        assignment = await this.join();
        attempts = 0;
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        this.noticed(error);
        if (attempts > 1) this.troubledBy = `the consumer group ${this.parts.group} cannot be joined: ${error.message}`;
        await clock.sleep(Math.min(retryDelayMsMax, retryDelayMsMin * 2 ** attempts++), this.stopping.signal);
        continue;
      }
      this.troubledBy = null;
      const own = assignment.partitions.map(({ topic, partition }) => `${topic}:${partition}`);
      log.info({ event: 'partitionsAssigned', group: this.parts.group, generation: assignment.generation, partitions: own, released: assignment.released.size }, `${own.length} partitions are this collector's`);
      this.parts.onAssigned(assignment);
      const end = await this.beat();
      if (end === 'lost') this.isMember = false;
      // Heartbeats go on meanwhile: letting go may take longer than a session.
      const beating = new AbortController();
      const heart = end === 'lost' ? Promise.resolve() : this.beatMeanwhile(beating.signal);
      const isDone = await this.parts.onRevoked(end === 'lost');
      beating.abort();
      await heart;
      this.letGo = { generation: assignment.generation, partitions: isDone && this.isMember ? own : [] };
      log.info({ event: 'partitionsRevoked', group: this.parts.group, generation: assignment.generation, because: end, isDone }, `let go of ${own.length} partitions`);
    }
    await this.leave();
  }

  stop(): void {
    this.stopping.abort();
  }

  /** For those who look at lags; where reading goes on is kept with what is stored. */
  async commit(offsets: readonly PartitionOffset[]): Promise<void> {
    if (!this.isMember || offsets.length === 0) return;
    try {
      const codes = await (await this.coordinator()).request(offsetCommitKind, offsetCommitBody(this.membership, offsets));
      const wrong = codes.find(code => code !== 0);
      if (wrong !== undefined) this.parts.log.debug({ event: 'offsetsNotCommitted', code: errorNameOf(wrong) }, 'offsets were not committed to Kafka');
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      this.noticed(error);
    }
  }

  private get isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private get membership(): { group: string; generation: number; memberId: string } {
    return { group: this.parts.group, generation: this.generation, memberId: this.memberId };
  }

  private now(): { wallMs: number; steadyMs: number } {
    const { clock } = this.parts;
    return { wallMs: clock.nowMs(), steadyMs: clock.steadyMs() };
  }

  /** The longer of what two clocks say: one may be set back, the other stand still while the machine sleeps. */
  private sinceBeatMs(): number {
    const { wallMs, steadyMs } = this.now();
    return Math.max(wallMs - this.lastBeat.wallMs, steadyMs - this.lastBeat.steadyMs);
  }

  private async join(): Promise<Assignment> {
    const { group, topics, sessionMs, rebalanceMs } = this.parts;
    this.isMember = false;
    const connection = await this.coordinator();
    const metadata = subscriptionBytes(topics, JSON.stringify(this.letGo));
    const joined = await connection.request(joinGroupKind, joinGroupBody({ group, sessionMs, rebalanceMs, memberId: this.memberId, protocol, metadata }), rebalanceMs + sessionMs);
    if (errorNameOf(joined.code) === 'MEMBER_ID_REQUIRED') {
      this.memberId = joined.memberId;
      return this.join();
    }
    this.throwIf(joined.code, 'JoinGroup');
    this.memberId = joined.memberId;
    this.generation = joined.generation;
    const isLeader = joined.leader === joined.memberId;
    const assignments = isLeader ? await this.assign(joined.members) : [];
    // The session begins when the coordinator hears this, at the earliest: whoever sleeps until the answer must not take it for a word just heard.
    const sent = this.now();
    const synced = await connection.request(syncGroupKind, syncGroupBody(this.membership, assignments), rebalanceMs);
    this.throwIf(synced.code, 'SyncGroup');
    this.lastBeat = sent;
    this.isMember = true;
    if (!isLeader) this.assignedOf = null;
    const { partitions, userData } = readAssignment(synced.assignment);
    return {
      generation: joined.generation,
      partitions: [...partitions].flatMap(([topic, numbers]) => numbers.map(partition => ({ topic, partition }))),
      released: new Set(userData === '' ? [] : (JSON.parse(userData) as { released: string[] }).released),
    };
  }

  private async assign(members: readonly JoinedMember[]): Promise<{ memberId: string; assignment: Uint8Array }[]> {
    const { cluster, topics } = this.parts;
    const counts: number[] = [];
    let missing: KafkaError | null = null;
    for (const topic of topics) {
      try {
        counts.push((await cluster.learn(topic)).partitions.length);
      } catch (error) {
        // One that is not there, such as a topic of others, must not hold up the rest: it is looked at again with every heartbeat.
        if (!(error instanceof KafkaError) || error.code !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
        missing ??= error;
        counts.push(0);
      }
    }
    if (missing !== null && counts.every(count => count === 0)) throw missing;
    this.assignedOf = counts;
    const all = topics.flatMap((topic, index) => Array.from({ length: counts[index]! }, (_, partition) => `${topic}:${partition}`));
    const candidates = members.map(({ memberId, metadata }) => {
      const { generation, partitions } = letGoOf(readSubscription(metadata).userData);
      // A list from before the last generation says nothing of who had a partition since.
      return { memberId, had: generation === this.generation - 1 ? partitions : [] };
    });
    const released = new Set(candidates.flatMap(({ had }) => had));
    return [...assignPartitions(all, candidates)].map(([memberId, own]) => {
      const byTopic = Map.groupBy(own, name => name.slice(0, name.lastIndexOf(':')));
      const partitions = new Map([...byTopic].map(([topic, names]) => [topic, names.map(name => Number(name.slice(name.lastIndexOf(':') + 1)))]));
      return { memberId, assignment: assignmentBytes(partitions, JSON.stringify({ released: own.filter(name => released.has(name)) })) };
    });
  }

  private async beat(): Promise<BeatEnd> {
    const { clock, sessionMs } = this.parts;
    while (!this.isStopped) {
      await clock.sleep(sessionMs / 10, this.stopping.signal);
      if (this.isStopped) break;
      const code = await this.beatOnce();
      if (code === 'REBALANCE_IN_PROGRESS') return 'changed';
      if (code !== null && code !== 'later') return 'lost';
      if (this.sinceBeatMs() > sessionMs) return 'lost';
      if (await this.hasMorePartitions()) return 'changed';
    }
    return 'stopped';
  }

  /** While everything is let go of. */
  private async beatMeanwhile(signal: AbortSignal): Promise<void> {
    const { clock, sessionMs } = this.parts;
    while (!signal.aborted) {
      await clock.sleep(sessionMs / 10, signal);
      if (signal.aborted) return;
      const code = await this.beatOnce();
      if (code !== null && code !== 'later' && code !== 'REBALANCE_IN_PROGRESS') {
        this.isMember = false;
        return;
      }
    }
  }

  /** @returns null where it was heard, `later` where there was no answer, or the error's name */
  private async beatOnce(): Promise<string | null> {
    const sent = this.now();
    try {
      const code = await this.answerInTime(await this.coordinator(), connection => connection.request(heartbeatKind, heartbeatBody(this.membership)));
      const name = code === 0 ? null : errorNameOf(code);
      if (name === null || name === 'REBALANCE_IN_PROGRESS') this.lastBeat = sent;
      else if (name === 'NOT_COORDINATOR' || name === 'COORDINATOR_NOT_AVAILABLE' || name === 'COORDINATOR_LOAD_IN_PROGRESS') {
        this.connection = null;
        return 'later';
      }
      return name;
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      this.noticed(error);
      return 'later';
    }
  }

  /** A coordinator that is silent for a third of the session is one no more: there has to be time to find the next. */
  private async answerInTime<T>(connection: BrokerConnection, ask: (connection: BrokerConnection) => Promise<T>): Promise<T> {
    const { clock, sessionMs, group } = this.parts;
    const answered = new AbortController();
    const late = clock.sleep(sessionMs / 3, answered.signal).then((): never => {
      throw new KafkaError('TIMED_OUT', `the coordinator of consumer group ${group} does not answer`, { unknownOutcome: true });
    });
    late.catch(() => undefined);
    try {
      return await Promise.race([ask(connection), late]);
    } catch (error) {
      if (error instanceof KafkaError && error.code === 'TIMED_OUT') connection.end(error);
      throw error;
    } finally {
      answered.abort();
    }
  }

  /** Only the leader looks: it assigned them. */
  private async hasMorePartitions(): Promise<boolean> {
    const { cluster, topics } = this.parts;
    if (this.assignedOf === null) return false;
    for (const [index, topic] of topics.entries()) {
      try {
        if ((await cluster.topic(topic)).partitions.length !== this.assignedOf[index]) return true;
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
      }
    }
    return false;
  }

  private async leave(): Promise<void> {
    if (this.memberId === '') return;
    this.isMember = false;
    try {
      await (await this.coordinator()).request(leaveGroupKind, leaveGroupBody({ group: this.parts.group, memberId: this.memberId }));
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
    }
  }

  private async coordinator(): Promise<BrokerConnection> {
    if (this.connection?.isOpen === true && this.connection.isLoggedIn) return this.connection;
    const { cluster, group } = this.parts;
    const { code, message, address } = await cluster.askAny(findCoordinatorKind, findCoordinatorBody(group));
    if (code !== 0) throw kafkaErrorOf(code, `consumer group ${group}`, message);
    this.connection = await cluster.connectionAt(address, `group ${group}`);
    return this.connection;
  }

  private throwIf(code: number, request: string): void {
    if (code !== 0) throw kafkaErrorOf(code, `${request} of consumer group ${this.parts.group}`);
  }

  private noticed({ code }: KafkaError): void {
    if (code === 'UNKNOWN_MEMBER_ID') this.memberId = '';
    if (code !== 'REBALANCE_IN_PROGRESS') this.connection = null;
  }
}

function letGoOf(userData: string): { generation: number; partitions: string[] } {
  try {
    const { generation, partitions } = JSON.parse(userData) as { generation: number; partitions: string[] };
    return { generation, partitions };
  } catch {
    // Another version's, or none: then nothing is known to be let go of.
    return { generation: -1, partitions: [] };
  }
}
