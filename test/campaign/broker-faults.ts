/** What can befall the brokers and the way to them. One at a time: two outages at once are one. */
import { setTimeout as pause } from 'node:timers/promises';
import type { TestKafka } from '../helpers/kafka.ts';
import type { Chance } from './chance.ts';
import type { BrokerFaultKind, NetworkFaultKind, Outcome } from './fault.ts';
import { within } from './within.ts';

export interface BrokerTarget {
  kafka: TestKafka;
  nodes: number;
  /** Topic of the chunks, and how many partitions it began with. */
  topic: string;
  partitions: number;
  /** Lines are on their way through it. */
  isMoving: () => boolean;
  /** Bytes acknowledged to the shippers, all together. */
  acknowledgedBytes: () => number;
}

export function brokerFault(kind: BrokerFaultKind | NetworkFaultKind, target: BrokerTarget, chance: Chance): Promise<Outcome> {
  switch (kind) {
    case 'kill-broker':
      return kill(target, chance);
    case 'pause-broker':
      return stall(target, chance);
    case 'move-leader':
      return moveLeader(target, chance);
    case 'add-partition':
      return addPartition(target);
    case 'cut':
      return cut(target, chance);
    case 'slow-answers':
      return slow(target, chance);
    case 'lost-answer':
      return loseAnswer(target, chance);
  }
}

/** Until lines come through again after an outage, so that the next fault hits something. */
async function recovered(target: BrokerTarget): Promise<void> {
  const before = target.acknowledgedBytes();
  await within(20_000, 100, () => target.acknowledgedBytes() > before);
}

async function kill(target: BrokerTarget, chance: Chance): Promise<Outcome> {
  const node = chance.below(1, target.nodes + 1);
  const hit = target.isMoving() && target.kafka.pidOf(node) !== null;
  target.kafka.kill9(node);
  const downMs = chance.pick([0, 0, 500, 3000]);
  await pause(downMs);
  await target.kafka.startNode(node);
  await recovered(target);
  return { hit, how: `node ${node}, down for ${downMs} ms and its start` };
}

async function stall(target: BrokerTarget, chance: Chance): Promise<Outcome> {
  const node = chance.below(1, target.nodes + 1);
  const hit = target.isMoving() && target.kafka.pidOf(node) !== null;
  target.kafka.pause(node);
  // Beyond 3 s the others take a node's partitions over; some are longer than the request time-out of the parts.
  const stoppedMs = chance.pick([300, 1000, 2500, 4000, 7000]);
  await pause(stoppedMs);
  target.kafka.resume(node);
  await recovered(target);
  return { hit, how: `node ${node} stopped for ${stoppedMs} ms` };
}

async function moveLeader(target: BrokerTarget, chance: Chance): Promise<Outcome> {
  const partition = chance.below(0, target.partitions);
  const hit = target.isMoving();
  const leader = await target.kafka.leaderOf(target.topic, partition);
  const next = 1 + (Math.max(0, leader) % target.nodes);
  await target.kafka.moveLeader(target.topic, partition, next);
  return { hit: hit && leader !== next, how: `partition ${partition} from node ${leader} to ${next}` };
}

/** Whoever chose a partition by their number would now choose another. */
async function addPartition(target: BrokerTarget): Promise<Outcome> {
  const hit = target.isMoving();
  const count = await target.kafka.withAdmin(async admin => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [target.topic] });
    const more = topics[0]!.partitions.length + 1;
    await admin.createPartitions({ topicPartitions: [{ topic: target.topic, count: more }] });
    return more;
  });
  return { hit, how: `${count} now` };
}

async function cut(target: BrokerTarget, chance: Chance): Promise<Outcome> {
  const proxies = chance.happens(0.5) ? target.kafka.proxies : [chance.pick(target.kafka.proxies)];
  const hit = target.isMoving() && proxies.some(proxy => proxy.connections > 0);
  const way = chance.pick(['once', 'for a while', 'stalled'] as const);
  const ms = chance.below(100, 3000);
  for (const proxy of proxies) {
    if (way === 'once') proxy.cutConnections();
    else if (way === 'stalled') proxy.stall();
    else proxy.cut();
  }
  if (way !== 'once') await pause(ms);
  for (const proxy of proxies) proxy.pass();
  await recovered(target);
  return { hit, how: way === 'once' ? 'once' : `${way}, ${ms} ms` };
}

async function slow(target: BrokerTarget, chance: Chance): Promise<Outcome> {
  const hit = target.isMoving() && target.kafka.proxies.some(proxy => proxy.connections > 0);
  const delayMs = chance.pick([50, 200, 600, 1500]);
  for (const proxy of target.kafka.proxies) proxy.delayAnswers(delayMs);
  await pause(1000 + 2 * delayMs);
  for (const proxy of target.kafka.proxies) proxy.delayAnswers(0);
  return { hit, how: `by ${delayMs} ms` };
}

async function loseAnswer(target: BrokerTarget, chance: Chance): Promise<Outcome> {
  const times = chance.pick([1, 1, 2, 3]);
  const proxy = chance.pick(target.kafka.proxies);
  const swallowed = Promise.all(Array.from({ length: times }, () => proxy.swallowProduceAnswer()));
  const hit = await Promise.race([swallowed.then(() => true), pause(10_000, false)]);
  await recovered(target);
  return { hit, how: times === 1 ? 'one' : `${times} in a row` };
}
