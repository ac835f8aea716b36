import test, { type ExecutionContext } from 'ava';
import { GroupMember, type Assignment } from '#lib/kafka/group-member.ts';
import { quietLog } from '#lib/log.ts';
import { ManualClock, settled } from '../../helpers/manual-clock.ts';
import { groupCodes, MemoryCoordinator } from '../../helpers/memory-coordinator.ts';

const sessionMs = 10_000;

interface Running {
  member: GroupMember;
  /** All it was given, in order. */
  given: Assignment[];
  /** What it has now: `topic:partition`, sorted. */
  own: () => string[];
  /** Whether it was told that others may have its partitions, each time it let go. */
  lost: boolean[];
  /** What it says when it lets go: whether everything is done. */
  letsGo: (isLost: boolean) => Promise<boolean>;
}

async function running(t: ExecutionContext, coordinator: MemoryCoordinator, clock: ManualClock, topics = ['chunks']): Promise<Running> {
  let own: string[] = [];
  const started: Running = { given: [], own: () => own, lost: [], letsGo: () => Promise.resolve(true), member: undefined as unknown as GroupMember };
  started.member = new GroupMember({
    cluster: coordinator.cluster(), group: 'g', topics, sessionMs, rebalanceMs: 20_000, log: quietLog, clock,
    onAssigned: assignment => {
      started.given.push(assignment);
      own = assignment.partitions.map(({ topic, partition }) => `${topic}:${partition}`).sort();
    },
    onRevoked: async isLost => {
      started.lost.push(isLost);
      const isDone = await started.letsGo(isLost);
      own = [];
      return isDone;
    },
  });
  const ended = started.member.run();
  t.teardown(async () => {
    started.member.stop();
    for (const memberId of coordinator.memberIds) coordinator.expire(memberId);
    await clock.advance(10 * sessionMs);
    await ended;
  });
  await settled();
  return started;
}

function groupOf(partitions = 4): { coordinator: MemoryCoordinator; clock: ManualClock } {
  const coordinator = new MemoryCoordinator();
  coordinator.partitions.set('chunks', partitions);
  return { coordinator, clock: new ManualClock() };
}

test('members divide the partitions; what one lets go of with everything done is released, what a dead one had is not', async t => {
  const { coordinator, clock } = groupOf();
  const first = await running(t, coordinator, clock);
  t.deepEqual([first.own(), [...first.given[0]!.released]], [['chunks:0', 'chunks:1', 'chunks:2', 'chunks:3'], []]);
  const second = await running(t, coordinator, clock);
  await clock.advance(sessionMs / 5);
  t.deepEqual([...first.own(), ...second.own()].sort(), ['chunks:0', 'chunks:1', 'chunks:2', 'chunks:3']);
  t.is(first.own().length, 2);
  t.deepEqual([...second.given.at(-1)!.released].sort(), second.own());
  t.deepEqual(first.lost, [false]);

  coordinator.expire(coordinator.memberIds[0]!);
  await clock.advance(sessionMs / 2);
  const taken = second.given.find(({ partitions, generation }) => partitions.length === 4 && generation === 3) ?? second.given.at(-1)!;
  t.is(taken.released.size, 2, 'those of the dead one are on no list');
});

test('what was not done when it was let go of is nobody else’s to begin with at once', async t => {
  const { coordinator, clock } = groupOf();
  const first = await running(t, coordinator, clock);
  first.letsGo = () => Promise.resolve(false);
  const second = await running(t, coordinator, clock);
  await clock.advance(sessionMs / 5);
  t.is(second.own().length, 2);
  t.is(second.given.at(-1)!.released.size, 0);
});

test('a list of what was let go of counts for the next generation only', async t => {
  const { coordinator, clock } = groupOf();
  const first = await running(t, coordinator, clock);
  // It lets go, and is out before it can join again; somebody else had its partitions meanwhile.
  coordinator.delays.set('JoinGroup', () => clock.sleep(60_000));
  coordinator.rebalance();
  await clock.advance(sessionMs / 5);
  t.deepEqual(first.own(), []);
  coordinator.delays.clear();
  const [old] = coordinator.memberIds;
  coordinator.generation += 1;
  coordinator.expire(old!);
  await clock.advance(70_000);
  t.is(first.own().length, 4);
  t.is(first.given.at(-1)!.released.size, 0);
});

/** Answers to a heartbeat after which nobody knows who has what. */
const out = new Set(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'UNKNOWN_SERVER_ERROR']);
for (const [name, code] of Object.entries(groupCodes)) {
  if (name === 'MEMBER_ID_REQUIRED') continue;
  for (const request of ['FindCoordinator', 'JoinGroup', 'SyncGroup', 'Heartbeat', 'OffsetCommit']) {
    test(`${name} as the answer to ${request}: the member has its partitions again, and says nothing of them that may not be so`, async t => {
      const { coordinator, clock } = groupOf();
      if (request !== 'Heartbeat' && request !== 'OffsetCommit') coordinator.faults.set(request, [code, code]);
      const { member, own, given, lost } = await running(t, coordinator, clock);
      await clock.advance(sessionMs / 4);
      if (request === 'Heartbeat') coordinator.faults.set(request, [code, code]);
      if (request === 'OffsetCommit') coordinator.faults.set(request, [code]);
      await member.commit([{ topic: 'chunks', partition: 0, offset: 5n }]);
      await clock.advance(2 * sessionMs);
      t.is(own().length, 4);
      t.true(member.mayWrite());
      t.is(member.troubledBy, null);
      if (request === 'Heartbeat' && out.has(name)) t.true(lost.includes(true), 'others may have its partitions');
      // Where it was out, somebody else may have been in.
      if (lost.includes(true)) t.is(given.at(-1)!.released.size, 0);
      await member.commit([{ topic: 'chunks', partition: 0, offset: 6n }]);
      t.is(coordinator.committed.at(-1), 0);
    });
  }
}

test('answers that are cut off, at every request: the member comes back', async t => {
  for (const request of ['FindCoordinator', 'JoinGroup', 'SyncGroup', 'Heartbeat', 'OffsetCommit']) {
    const { coordinator, clock } = groupOf();
    const { member, own } = await running(t, coordinator, clock);
    coordinator.faults.set(request, ['cut', 'cut']);
    await member.commit([{ topic: 'chunks', partition: 0, offset: 5n }]);
    coordinator.rebalance();
    await clock.advance(2 * sessionMs);
    t.is(own().length, 4, request);
    t.true(member.mayWrite(), request);
  }
});

test('without a heartbeat it stops writing before its session is over, and takes its partitions for lost when it is', async t => {
  const { coordinator, clock } = groupOf();
  const { member, lost } = await running(t, coordinator, clock);
  await clock.advance(sessionMs / 5);
  coordinator.faults.set('Heartbeat', Array.from({ length: 100 }, () => 'cut' as const));
  await clock.advance(sessionMs / 2);
  t.true(member.mayWrite());
  await clock.advance(sessionMs / 4);
  t.false(member.mayWrite(), 'three quarters of a session without a word');
  t.deepEqual(lost, []);
  await clock.advance(sessionMs / 2);
  t.deepEqual(lost[0], true);
});

test('a clock that is set back does not make a silent member one that may write', async t => {
  const { coordinator, clock } = groupOf();
  const { member, lost } = await running(t, coordinator, clock);
  await clock.advance(sessionMs / 5);
  coordinator.faults.set('Heartbeat', Array.from({ length: 100 }, () => 'cut' as const));
  clock.set(-3_600_000);
  await clock.advance(sessionMs * 0.8);
  t.false(member.mayWrite());
  await clock.advance(sessionMs / 2);
  t.true(lost[0]);
});

test('a process that slept while it was let in does not wake up writing', async t => {
  const { coordinator, clock } = groupOf();
  // The answer lies there while the process is stopped for longer than its session.
  coordinator.delays.set('SyncGroup', () => {
    clock.stopFor(3 * sessionMs);
    return Promise.resolve();
  });
  const { member, own } = await running(t, coordinator, clock);
  coordinator.delays.clear();
  t.is(own().length, 4);
  t.false(member.mayWrite(), 'nothing was heard of it for three sessions');
  await clock.advance(sessionMs / 5);
  t.true(member.mayWrite());
});

test('partitions that are added are divided; a topic that is not there holds the others back from nobody', async t => {
  const { coordinator, clock } = groupOf(2);
  const { own, member } = await running(t, coordinator, clock, ['chunks', 'logs']);
  await clock.advance(sessionMs / 5);
  t.deepEqual(own(), ['chunks:0', 'chunks:1']);
  t.is(member.troubledBy, null);
  coordinator.partitions.set('chunks', 3);
  await clock.advance(sessionMs / 5);
  t.deepEqual(own(), ['chunks:0', 'chunks:1', 'chunks:2']);
  coordinator.partitions.set('logs', 1);
  await clock.advance(sessionMs / 5);
  t.deepEqual(own(), ['chunks:0', 'chunks:1', 'chunks:2', 'logs:0']);
});

test('where none of the topics is there, it says which', async t => {
  const { coordinator, clock } = groupOf();
  coordinator.partitions.clear();
  const { member, own } = await running(t, coordinator, clock);
  await clock.advance(2 * sessionMs);
  t.regex(member.troubledBy ?? '', /topic chunks: UNKNOWN_TOPIC_OR_PARTITION/);
  coordinator.partitions.set('chunks', 1);
  await clock.advance(2 * sessionMs);
  t.deepEqual(own(), ['chunks:0']);
});

test('a member that is put out while it lets go writes nothing from there on', async t => {
  const { coordinator, clock } = groupOf();
  const { member, lost } = await running(t, coordinator, clock);
  const slow = await running(t, coordinator, clock);
  slow.letsGo = () => clock.sleep(sessionMs).then(() => true);
  await clock.advance(sessionMs / 5);
  const [, second] = coordinator.memberIds;
  coordinator.rebalance();
  await clock.advance(sessionMs / 5);
  t.true(slow.member.mayWrite(), 'what is in hand may still be stored');
  coordinator.expire(second!);
  await clock.advance(sessionMs / 5);
  t.false(slow.member.mayWrite());
  await clock.advance(sessionMs);
  t.deepEqual([member.mayWrite(), slow.member.mayWrite(), lost.includes(true)], [true, true, false]);
});

test('a coordinator that does not answer at all is given up well before the session is over, and another one asked for', async t => {
  const { coordinator, clock } = groupOf();
  const { member, lost } = await running(t, coordinator, clock);
  await clock.advance(sessionMs / 5);
  coordinator.requests.length = 0;
  coordinator.delays.set('Heartbeat', () => {
    coordinator.delays.clear();
    return new Promise(() => undefined);
  });
  await clock.advance(sessionMs * 0.6);
  t.true(coordinator.requests.includes('FindCoordinator'));
  t.true(member.mayWrite());
  await clock.advance(sessionMs);
  t.deepEqual([member.mayWrite(), lost], [true, []]);
});
