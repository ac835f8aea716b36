/** What can happen in a history, and how often. */
import fc from 'fast-check';
import type { Output } from './lives.ts';
import type { Memory } from './world.ts';
import { sources, type Source } from './writer.ts';

/** What whoever writes and rotates does. */
export type FileStep =
  | { do: 'write'; source: Source; lines: number; bytes: number; unfinished: boolean; output: Output; begin: boolean }
  | { do: 'rename'; source: Source }
  | { do: 'writeLate'; source: Source; bytes: number }
  | { do: 'copyTruncate'; source: Source; meanwhile: boolean }
  | { do: 'truncate'; source: Source; regrow: 'no' | 'less' | 'beyond' }
  | { do: 'remove'; source: Source }
  | { do: 'compress'; source: Source; newest: boolean }
  | { do: 'relink' };

/** Done while the shipper waits for the answer to its nth call of the transport. */
export interface Meanwhile {
  call: number;
  step: FileStep;
}

export type Step =
  | FileStep
  | { do: 'turn'; ms: number; meanwhile: Meanwhile | null }
  | { do: 'acknowledge'; index: number }
  | { do: 'loseAnswers'; count: number }
  | { do: 'consume'; count: number; commits: boolean }
  | { do: 'crashCollector'; positionIsLost: boolean }
  | { do: 'crash'; memory: Memory; arrived: number; fuse: { calls: number; afterWork: boolean } | null; meanwhile: Meanwhile | null }
  | { do: 'stopAndStart' };

/** Most happens to one source, so that it meets itself. */
const source = fc.oneof({ weight: 5, arbitrary: fc.constant<Source>('app') }, { weight: 3, arbitrary: fc.constantFrom(...sources) });
const output = fc.constantFrom<Output>('stdout', 'stderr');
const one = <D extends Step['do'], M>(name: D, more: fc.Arbitrary<M>): fc.Arbitrary<{ do: D } & M> => more.map(fields => ({ do: name, ...fields }));

const fileStep: fc.Arbitrary<FileStep> = fc.oneof(
  { weight: 14, arbitrary: one('write', fc.record({ source, lines: fc.integer({ min: 0, max: 20 }), bytes: fc.constantFrom(30, 60, 300, 1500, 9000), unfinished: fc.boolean(), output, begin: fc.boolean() })) },
  { weight: 4, arbitrary: one('rename', fc.record({ source })) },
  { weight: 2, arbitrary: one('writeLate', fc.record({ source, bytes: fc.constantFrom(40, 2000) })) },
  { weight: 3, arbitrary: one('copyTruncate', fc.record({ source, meanwhile: fc.boolean() })) },
  { weight: 2, arbitrary: one('truncate', fc.record({ source, regrow: fc.constantFrom('no' as const, 'less' as const, 'beyond' as const) })) },
  { weight: 1, arbitrary: one('remove', fc.record({ source })) },
  { weight: 1, arbitrary: one('compress', fc.record({ source, newest: fc.boolean() })) },
  { weight: 1, arbitrary: fc.constant({ do: 'relink' as const }) },
);
const meanwhile = fc.option(fc.record({ call: fc.integer({ min: 1, max: 3 }), step: fileStep }), { freq: 3 });
const memory = fc.oneof({ weight: 3, arbitrary: fc.constant<Memory>('whole') }, { weight: 4, arbitrary: fc.constantFrom<Memory>('checkpointLost', 'checkpointOld', 'checkpointDamaged', 'checkpointOfOtherVersion', 'statesLost', 'statesOld') });

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 28, arbitrary: fileStep },
    { weight: 14, arbitrary: one('turn', fc.record({ ms: fc.constantFrom(5, 60, 700, 3000, 70_000), meanwhile })) },
    { weight: 8, arbitrary: one('acknowledge', fc.record({ index: fc.integer({ min: -3, max: 3 }) })) },
    { weight: 2, arbitrary: one('loseAnswers', fc.record({ count: fc.integer({ min: 1, max: 4 }) })) },
    { weight: 3, arbitrary: one('consume', fc.record({ count: fc.integer({ min: 1, max: 20 }), commits: fc.boolean() })) },
    { weight: 1, arbitrary: one('crashCollector', fc.record({ positionIsLost: fc.boolean() })) },
    { weight: 4, arbitrary: one('crash', fc.record({ memory, arrived: fc.integer({ min: 0, max: 6 }), fuse: fc.option(fc.record({ calls: fc.integer({ min: 1, max: 12 }), afterWork: fc.boolean() })), meanwhile })) },
    { weight: 1, arbitrary: fc.constant({ do: 'stopAndStart' as const }) },
  ),
  { minLength: 3, maxLength: 40 },
);
