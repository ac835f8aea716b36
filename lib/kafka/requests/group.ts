/** The requests of a consumer group's members, in their last versions without tagged fields. */
import { WireReader, WireWriter } from '../wire.ts';
import type { RequestKind } from '../broker-connection.ts';
import type { BrokerAddress } from '../broker-connection.ts';

/** FindCoordinator, version 2. */
export const findCoordinatorKind: RequestKind<{ code: number; message: string | null; address: BrokerAddress }> = {
  name: 'FindCoordinator',
  apiKey: 10,
  version: 2,
  flexible: false,
  read: answer => {
    answer.int32();
    const code = answer.int16();
    const message = answer.string();
    answer.int32();
    return { code, message, address: { host: answer.string() ?? '', port: answer.int32() } };
  },
};

export function findCoordinatorBody(group: string): Uint8Array[] {
  return [new WireWriter().string(group).int8(0).bytes];
}

export interface JoinedMember {
  memberId: string;
  /** As the member gave it: `subscriptionBytes`. */
  metadata: Uint8Array;
}

export interface Joined {
  code: number;
  generation: number;
  leader: string;
  memberId: string;
  /** Of all members where this one leads, else none. */
  members: JoinedMember[];
}

/** JoinGroup, version 5. */
export const joinGroupKind: RequestKind<Joined> = {
  name: 'JoinGroup',
  apiKey: 11,
  version: 5,
  flexible: false,
  read: answer => {
    answer.int32();
    const code = answer.int16();
    const generation = answer.int32();
    answer.string();
    const leader = answer.string() ?? '';
    const memberId = answer.string() ?? '';
    const members = answer.array(() => {
      const id = answer.string() ?? '';
      answer.string();
      return { memberId: id, metadata: Uint8Array.from(answer.raw(answer.int32())) };
    });
    return { code, generation, leader, memberId, members };
  },
};

export interface JoinRequest {
  group: string;
  sessionMs: number;
  rebalanceMs: number;
  /** Empty for one that is new. */
  memberId: string;
  protocol: string;
  metadata: Uint8Array;
}

export function joinGroupBody({ group, sessionMs, rebalanceMs, memberId, protocol, metadata }: JoinRequest): Uint8Array[] {
  return [new WireWriter().string(group).int32(sessionMs).int32(rebalanceMs).string(memberId).string(null).string('consumer').int32(1).string(protocol).int32(metadata.length).raw(metadata).bytes];
}

/** SyncGroup, version 3. */
export const syncGroupKind: RequestKind<{ code: number; assignment: Uint8Array }> = {
  name: 'SyncGroup',
  apiKey: 14,
  version: 3,
  flexible: false,
  read: answer => {
    answer.int32();
    const code = answer.int16();
    return { code, assignment: Uint8Array.from(answer.raw(answer.int32())) };
  },
};

export interface Membership {
  group: string;
  generation: number;
  memberId: string;
}

function membership({ group, generation, memberId }: Membership): WireWriter {
  return new WireWriter().string(group).int32(generation).string(memberId).string(null);
}

export function syncGroupBody(member: Membership, assignments: readonly { memberId: string; assignment: Uint8Array }[]): Uint8Array[] {
  const body = membership(member);
  body.array(assignments, ({ memberId, assignment }) => body.string(memberId).int32(assignment.length).raw(assignment));
  return [body.bytes];
}

/** Heartbeat, version 3. The answer is an error code. */
export const heartbeatKind: RequestKind<number> = {
  name: 'Heartbeat',
  apiKey: 12,
  version: 3,
  flexible: false,
  read: answer => {
    answer.int32();
    return answer.int16();
  },
};

export function heartbeatBody(member: Membership): Uint8Array[] {
  return [membership(member).bytes];
}

/** LeaveGroup, version 2. The answer is an error code. */
export const leaveGroupKind: RequestKind<number> = { ...heartbeatKind, name: 'LeaveGroup', apiKey: 13, version: 2 };

export function leaveGroupBody({ group, memberId }: Pick<Membership, 'group' | 'memberId'>): Uint8Array[] {
  return [new WireWriter().string(group).string(memberId).bytes];
}

export interface PartitionOffset {
  topic: string;
  partition: number;
  offset: bigint;
}

/** OffsetCommit, version 7. The answer is the error codes of all partitions. */
export const offsetCommitKind: RequestKind<number[]> = {
  name: 'OffsetCommit',
  apiKey: 8,
  version: 7,
  flexible: false,
  read: answer => {
    answer.int32();
    return answer
      .array(() => {
        answer.string();
        return answer.array(() => {
          answer.int32();
          return answer.int16();
        });
      })
      .flat();
  },
};

export function offsetCommitBody(member: Membership, offsets: readonly PartitionOffset[]): Uint8Array[] {
  const body = membership(member);
  body.array([...Map.groupBy(offsets, ({ topic }) => topic)], ([topic, partitions]) => {
    body.string(topic).array(partitions, ({ partition, offset }) => body.int32(partition).int64(offset).int32(-1).string(null));
  });
  return [body.bytes];
}

/** What a member subscribes to, version 0 of the consumer protocol, so that other tools can read it; `userData` is ours. */
export function subscriptionBytes(topics: readonly string[], userData: string): Uint8Array {
  const data = Buffer.from(userData);
  const body = new WireWriter().int16(0);
  body.array(topics, topic => body.string(topic));
  return body.int32(data.length).raw(data).bytes;
}

export function readSubscription(bytes: Uint8Array): { topics: string[]; userData: string } {
  const reader = new WireReader(Buffer.from(bytes));
  reader.int16();
  return { topics: reader.array(() => reader.string() ?? ''), userData: reader.text(Math.max(0, reader.int32())) };
}

export function assignmentBytes(partitions: ReadonlyMap<string, readonly number[]>, userData: string): Uint8Array {
  const data = Buffer.from(userData);
  const body = new WireWriter().int16(0);
  body.array([...partitions], ([topic, numbers]) => {
    body.string(topic).array(numbers, partition => body.int32(partition));
  });
  return body.int32(data.length).raw(data).bytes;
}

export function readAssignment(bytes: Uint8Array): { partitions: Map<string, number[]>; userData: string } {
  if (bytes.length === 0) return { partitions: new Map(), userData: '' };
  const reader = new WireReader(Buffer.from(bytes));
  reader.int16();
  const partitions = new Map(reader.array(() => [reader.string() ?? '', reader.array(() => reader.int32())] as const));
  return { partitions, userData: reader.text(Math.max(0, reader.int32())) };
}
