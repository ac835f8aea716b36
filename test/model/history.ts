/** Plays a history on real files and says what is wrong with what came of it. */
import type { Life } from './lives.ts';
import type { FileStep, Step } from './step.ts';
import { World, type Behind, type Pace } from './world.ts';

/** @returns what is wrong, in words; empty when all is well */
export async function play(steps: readonly Step[], behind: Behind, pace: Pace = 'usual'): Promise<string[]> {
  const world = new World(behind, pace);
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
  switch (step.do) {
    case 'turn':
      world.meanwhile(step.meanwhile === null ? null : { call: step.meanwhile.call, run: () => takeFileStep(world, step.meanwhile!.step) });
      await world.turn(step.ms);
      break;
    case 'acknowledge':
      world.transport.acknowledge(step.index);
      break;
    case 'loseAnswers':
      world.transport.loseAnswers(step.count);
      break;
    case 'consume':
      world.collecting.consume(step.count, step.commits);
      break;
    case 'crashCollector':
      world.crashCollector(step.positionIsLost);
      break;
    case 'crash':
      world.meanwhile(step.meanwhile === null ? null : { call: step.meanwhile.call, run: () => takeFileStep(world, step.meanwhile!.step) });
      await world.restart(step);
      break;
    case 'stopAndStart':
      await world.stopAndStart();
      break;
    default:
      takeFileStep(world, step);
  }
  world.meanwhile(null);
}

function takeFileStep(world: World, step: FileStep): void {
  const { writer } = world;
  const isOnRecord = (life: Life): boolean => world.isOnRecord(life);
  switch (step.do) {
    case 'write':
      writer.write(step.source, step);
      break;
    case 'rename':
      writer.rename(step.source);
      break;
    case 'writeLate':
      writer.writeLate(step.source, step.bytes);
      break;
    case 'copyTruncate':
      writer.copyTruncate(step.source, step.meanwhile, isOnRecord);
      break;
    case 'truncate':
      writer.truncate(step.source, step.regrow, isOnRecord);
      break;
    case 'remove':
      writer.remove(step.source);
      break;
    case 'compress':
      writer.compress(step.source, step.newest, life => world.isKnown(life));
      break;
    case 'relink':
      writer.relink();
  }
}
