/** Random histories of writing, rotating, truncating and crashing, on real files: nothing is lost and nothing stored twice. */
import test from 'ava';
import fc from 'fast-check';
import { TailedFolder } from '../helpers/tailed-folder.ts';

type Step =
  | { do: 'append'; lines: number; whole: boolean }
  | { do: 'turn'; ms: number }
  | { do: 'acknowledge'; index: number }
  | { do: 'rename' }
  | { do: 'copyTruncate' }
  | { do: 'truncate' }
  | { do: 'crash'; checkpoint: 'kept' | 'lost' | 'rolledBack'; arrived: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), lines: fc.integer({ min: 1, max: 40 }), whole: fc.boolean() }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('turn' as const), ms: fc.constantFrom(5, 60, 700, 3000) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('acknowledge' as const), index: fc.integer({ min: -3, max: 3 }) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'rename' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'copyTruncate' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'truncate' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), checkpoint: fc.constantFrom('kept' as const, 'lost' as const, 'rolledBack' as const), arrived: fc.integer({ min: 0, max: 6 }) }) },
);

interface Outcome {
  written: string[];
  /** Destroyed by a truncation without a copy before they can all have been read. */
  mayBeLost: Set<string>;
  stored: string[];
}

async function live(steps: readonly Step[], storeTells: boolean): Promise<Outcome> {
  const folder = new TailedFolder({ chunkBytesMax: 4096, lineBytesMax: 4096 }, false, storeTells);
  try {
    const written: string[] = [];
    const mayBeLost = new Set<string>();
    let current: string[] = [];
    let unfinished = '';
    let number = 0;
    let oldCheckpoint: Buffer | null = null;
    await folder.shipper.open();
    for (const each of steps) {
      switch (each.do) {
        case 'append': {
          let text = '';
          for (let line = 0; line < each.lines; line += 1) {
            number += 1;
            const body = `line ${number} ${'abcdefghij'.repeat(number % 37)}`;
            current.push(unfinished + body);
            unfinished = '';
            text += `${body}\n`;
          }
          if (!each.whole) {
            number += 1;
            unfinished = `line ${number} in two `;
            text += unfinished;
          }
          folder.append('app.log', text);
          break;
        }
        case 'turn':
          await folder.turn(each.ms);
          break;
        case 'acknowledge':
          folder.transport.acknowledge(each.index);
          break;
        case 'rename':
        case 'copyTruncate':
        case 'truncate': {
          if (!folder.exists('app.log')) break;
          if (unfinished !== '') {
            current.push(unfinished);
            unfinished = '';
          }
          if (each.do === 'truncate') for (const line of current) mayBeLost.add(line);
          written.push(...current);
          current = [];
          if (each.do === 'truncate') {
            folder.truncate('app.log');
            break;
          }
          let oldest = 1;
          while (folder.exists(`app.log.${oldest}`)) oldest += 1;
          for (let older = oldest; older > 1; older -= 1) folder.rename(`app.log.${older - 1}`, `app.log.${older}`);
          if (each.do === 'rename') folder.rename('app.log', 'app.log.1');
          else folder.copyTruncate('app.log', 'app.log.1');
          break;
        }
        case 'crash': {
          const checkpoint = folder.checkpoint();
          await folder.crash(each.checkpoint === 'rolledBack' ? (oldCheckpoint ?? 'lost') : each.checkpoint, each.arrived);
          oldCheckpoint = checkpoint;
          break;
        }
      }
    }
    // Also a file that was renamed has a successor then, without which nobody can say that it ended.
    folder.append('app.log', '\n');
    if (unfinished !== '') current.push(unfinished);
    written.push(...current);
    await folder.settle();
    return { written, mayBeLost, stored: folder.storedLines() };
  } finally {
    await folder.dispose();
  }
}

function counted(lines: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

/** What is wrong with an outcome, in words; empty when all is well. */
function faults({ written, mayBeLost, stored }: Outcome): string[] {
  const counts = counted(stored);
  const known = new Set(written);
  return [
    ...written.filter(line => !counts.has(line) && !mayBeLost.has(line)).map(line => `lost: ${line.slice(0, 20)}`),
    ...[...counts].filter(([, count]) => count > 1).map(([line]) => `twice: ${line.slice(0, 20)}`),
    ...stored.filter(line => !known.has(line) && ![...mayBeLost].some(whole => whole.startsWith(line))).map(line => `never written: ${line.slice(0, 20)}`),
  ];
}

const runs = { numRuns: Number(process.env['LEADLINE_HISTORIES'] ?? 100) };

function check(steps: fc.Arbitrary<Step[]>, storeTells: boolean): Promise<void> {
  return fc.assert(
    fc.asyncProperty(steps, async history => {
      const found = faults(await live(history, storeTells));
      if (found.length > 0) throw new Error(found.slice(0, 5).join('; '));
    }),
    runs,
  );
}

test('random histories over a store that tells what it has: every line is stored once', async t => {
  await check(fc.array(step, { minLength: 3, maxLength: 30 }), true);
  t.pass();
});

// Without copytruncate: a copy of a stream of which nothing acknowledged is on record proves nothing, so a crash at that moment stores it twice.
test('random histories over a broker that tells only states: every line is stored once', async t => {
  await check(fc.array(step.filter(each => each.do !== 'copyTruncate'), { minLength: 3, maxLength: 30 }), false);
  t.pass();
});
