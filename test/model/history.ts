/** Plays a history on real files and says what is wrong with what came of it. */
import type { Life } from './lives.ts';
import type { Step } from './step.ts';
import { World, type Behind } from './world.ts';

/** @returns what is wrong, in words; empty when all is well */
export async function play(steps: readonly Step[], behind: Behind): Promise<string[]> {
  const world = new World(behind);
  try {
    await world.open();
    for (const step of steps) await take(world, step);
    await world.settle();
    return world.faults();
  } finally {
    world.dispose();
  }
}

async function take(world: World, step: Step): Promise<void> {
  const { writer } = world;
  const isOnRecord = (life: Life): boolean => world.isOnRecord(life);
  switch (step.do) {
    case 'write':
      return writer.write(step.source, step);
    case 'turn':
      await world.turn(step.ms);
      return;
    case 'acknowledge':
      return world.transport.acknowledge(step.index);
    case 'loseAnswers':
      return world.transport.loseAnswers(step.count);
    case 'consume':
      return world.consume(step.count, step.commits);
    case 'crashCollector':
      return world.crashCollector(step.positionIsLost);
    case 'rename':
      return writer.rename(step.source);
    case 'writeLate':
      return writer.writeLate(step.source, step.bytes);
    case 'copyTruncate':
      return writer.copyTruncate(step.source, step.meanwhile, isOnRecord);
    case 'truncate':
      return writer.truncate(step.source, step.regrow, isOnRecord);
    case 'remove':
      return writer.remove(step.source);
    case 'compress':
      return writer.compress(step.source, step.newest, life => world.isKnown(life));
    case 'relink':
      return writer.relink();
    case 'crash':
      return world.restart(step);
    case 'stopAndStart':
      return world.stopAndStart();
  }
}
