/** One consumer group as its coordinator keeps it, for members that are told what a test says. A rebalance ends when all members joined or are expired. */
import type { Cluster } from '#lib/kafka/cluster.ts';
import type { RequestKind } from '#lib/kafka/broker-connection.ts';
import { readSubscription, type Joined } from '#lib/kafka/requests/group.ts';
import { KafkaError } from '#lib/kafka/types.ts';
import { WireReader } from '#lib/kafka/wire.ts';

export const groupCodes = { COORDINATOR_LOAD_IN_PROGRESS: 14, COORDINATOR_NOT_AVAILABLE: 15, NOT_COORDINATOR: 16, ILLEGAL_GENERATION: 22, UNKNOWN_MEMBER_ID: 25, REBALANCE_IN_PROGRESS: 27, MEMBER_ID_REQUIRED: 79, UNKNOWN_SERVER_ERROR: -1 } as const;

interface Member {
  metadata: Uint8Array;
  joining: ((answer: Joined) => void) | null;
  syncing: ((answer: { code: number; assignment: Uint8Array }) => void) | null;
}

export class MemoryCoordinator {
  generation = 0;
  /** Answers, one after the other, in place of those of the request of this name; `cut` where there is none. */
  readonly faults = new Map<string, (number | 'cut')[]>();
  /** Resolves before the request of this name is answered. */
  readonly delays = new Map<string, () => Promise<void>>();
  readonly requests: string[] = [];
  readonly partitions = new Map<string, number>();
  readonly committed: number[] = [];
  private readonly members = new Map<string, Member>();
  private leader = '';
  private assignments: Map<string, Uint8Array> | null = null;
  private made = 0;

  /** What a member takes for its cluster. */
  cluster(): Cluster {
    const connection = { isOpen: true, isLoggedIn: true, end: () => undefined, request: <T>(kind: RequestKind<T>, body: Uint8Array[]) => this.answer(kind, body) };
    const topic = (name: string): Promise<{ partitions: unknown[] }> => {
      const count = this.partitions.get(name);
      return count === undefined ? Promise.reject(new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${name}: UNKNOWN_TOPIC_OR_PARTITION`)) : Promise.resolve({ partitions: Array.from({ length: count }) });
    };
    return { askAny: (kind: RequestKind<unknown>, body: Uint8Array[]) => this.answer(kind, body), connectionAt: () => Promise.resolve(connection), topic, learn: topic } as unknown as Cluster;
  }

  get memberIds(): string[] {
    return [...this.members.keys()];
  }

  /** What the members said when they joined last. */
  userData(): unknown[] {
    return [...this.members.values()].map(({ metadata }) => JSON.parse(readSubscription(metadata).userData) as unknown);
  }

  /** Its session or the time to join again is over. */
  expire(memberId: string): void {
    this.members.delete(memberId);
    this.assignments = null;
    this.joinIfAll();
  }

  /** Everybody has to join again. */
  rebalance(): void {
    this.assignments = null;
  }

  private async answer<T>({ name }: RequestKind<T>, body: Uint8Array[]): Promise<T> {
    this.requests.push(name);
    await this.delays.get(name)?.();
    const fault = this.faults.get(name)?.shift();
    if (fault === 'cut') throw new KafkaError('UNREACHABLE', 'closed the connection', { unknownOutcome: true });
    const reader = new WireReader(Buffer.concat(body));
    return (await this.carriedOut(name, reader, fault)) as T;
  }

  private carriedOut(name: string, reader: WireReader, code = 0): unknown {
    if (name === 'FindCoordinator') return { code, message: null, address: { host: 'memory', port: 9092 } };
    reader.string();
    if (name === 'JoinGroup') {
      reader.int32();
      reader.int32();
      const memberId = reader.string() ?? '';
      if (code === groupCodes.UNKNOWN_MEMBER_ID) this.expire(memberId);
      return code === 0 ? this.join(memberId, reader) : { code, generation: -1, leader: '', memberId, members: [] };
    }
    if (name === 'LeaveGroup') {
      this.expire(reader.string() ?? '');
      return code;
    }
    const generation = reader.int32();
    const memberId = reader.string() ?? '';
    if (code === groupCodes.UNKNOWN_MEMBER_ID) this.expire(memberId);
    const wrong = code !== 0 ? code : !this.members.has(memberId) ? groupCodes.UNKNOWN_MEMBER_ID : generation !== this.generation ? groupCodes.ILLEGAL_GENERATION : 0;
    if (name === 'OffsetCommit') {
      this.committed.push(wrong);
      return [wrong];
    }
    if (name === 'SyncGroup') return wrong === 0 ? this.sync(memberId, reader) : { code: wrong, assignment: new Uint8Array(0) };
    return wrong !== 0 ? wrong : this.assignments === null ? groupCodes.REBALANCE_IN_PROGRESS : 0;
  }

  private join(memberId: string, reader: WireReader): Promise<Joined> | Joined {
    reader.string();
    reader.string();
    const [metadata] = reader.array(() => {
      reader.string();
      return Uint8Array.from(reader.raw(reader.int32()));
    });
    if (memberId === '') {
      const made = `member-${++this.made}`;
      this.members.set(made, { metadata: metadata!, joining: null, syncing: null });
      this.assignments = null;
      return { code: groupCodes.MEMBER_ID_REQUIRED, generation: -1, leader: '', memberId: made, members: [] };
    }
    const member = this.members.get(memberId);
    if (member === undefined) return { code: groupCodes.UNKNOWN_MEMBER_ID, generation: -1, leader: '', memberId, members: [] };
    member.metadata = metadata!;
    this.assignments = null;
    return new Promise(resolve => {
      member.joining = resolve;
      this.joinIfAll();
    });
  }

  private joinIfAll(): void {
    const all = [...this.members];
    if (all.length === 0 || all.some(([, { joining }]) => joining === null)) return;
    this.generation += 1;
    if (!this.members.has(this.leader)) this.leader = all[0]![0];
    for (const [memberId, member] of all) {
      const members = memberId === this.leader ? all.map(([id, { metadata }]) => ({ memberId: id, metadata })) : [];
      member.joining!({ code: 0, generation: this.generation, leader: this.leader, memberId, members });
      member.joining = null;
    }
  }

  private sync(memberId: string, reader: WireReader): Promise<{ code: number; assignment: Uint8Array }> {
    reader.string();
    const given = reader.array(() => [reader.string() ?? '', Uint8Array.from(reader.raw(reader.int32()))] as const);
    return new Promise(resolve => {
      this.members.get(memberId)!.syncing = resolve;
      if (given.length > 0) this.assignments = new Map(given);
      if (this.assignments === null) return;
      for (const [id, member] of this.members) {
        member.syncing?.({ code: 0, assignment: this.assignments.get(id) ?? new Uint8Array(0) });
        member.syncing = null;
      }
    });
  }
}
