/** The transport contract as tests: whatever carries chunks to a collector runs them all, before the same collector on a store in memory. */
import { zstdCompressSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { quietLog } from '#lib/log.ts';
import { systemClock } from '#lib/clock.ts';
import { coverage } from '#lib/byte-ranges.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { defaultOptions } from '#schemas/options.ts';
import type { Acknowledgement, Transport } from '#schemas/transport.ts';
import { CollectorIntake } from '../../collector/intake.ts';
import { MemoryStore } from '../helpers/memory-store.ts';
import { madeChunk, madeState, recordOf } from './made-up.ts';

export interface CarriedTransport {
  transport: Transport;
  close: () => Promise<void>;
  /** Only where an acknowledgement means "carried": resolves when everything that was acknowledged has come out at the other end. */
  arrived?: () => Promise<void>;
}

/**
 * What an acknowledgement stands for: that the collector's store has the bytes, or that whatever lies between has them for good (Kafka), which then
 * brings them to the store whatever happens.
 */
export type AcknowledgementMeaning = 'stored' | 'carried';

interface Carried {
  transport: Transport;
  store: MemoryStore;
  /** In the order they came. */
  acknowledgements: Acknowledgement[];
  /** The furthest acknowledged streamOffset of a stream, and whether it is closed. */
  mark: (streamId: string) => { to: number; closed: boolean };
  /** Everything published is acknowledged, and has arrived. */
  drained: () => Promise<boolean>;
}

/** Long enough for anything that comes at all. */
const patienceMs = 20_000;
const json = (n: number): string => `{"level":"info","msg":"line ${n}"}\n`;
const storeFull = new LeadlineError('STORE_FULL', { dir: 'here' });

/** @param open carries a new connection of the intake to whoever uses the transport */
export function transportContract(name: string, open: (intake: CollectorIntake) => Promise<CarriedTransport>, meaning: AcknowledgementMeaning = 'stored'): void {
  const meansStored = meaning === 'stored';
  const contractTest = (title: string, run: (t: ExecutionContext, carried: Carried) => Promise<void>): void =>
    test(`${name}: ${title}`, async t => {
      const store = new MemoryStore();
      const intake = new CollectorIntake({ writer: store, options: { ...defaultOptions(), commitIntervalMs: 5 }, rules: [], log: quietLog, clock: systemClock, onCommitted: () => undefined });
      const { transport, close, arrived = () => Promise.resolve() } = await open(intake);
      t.teardown(async () => {
        await close();
        store.failure = null;
        await intake.stop();
      });
      const acknowledgements: Acknowledgement[] = [];
      transport.onAcknowledged = more => {
        for (const acknowledgement of more) {
          const { streamId, from, to } = acknowledgement;
          const known = store.lastKnown(streamId);
          if (meansStored) t.is(coverage({ from, to }, [...(known?.storedRanges ?? []), ...(known?.gaps ?? [])]), 'all', 'what is acknowledged is durable');
          acknowledgements.push(acknowledgement);
        }
      };
      const mark = (streamId: string): { to: number; closed: boolean } => {
        const mine = acknowledgements.filter(acknowledgement => acknowledgement.streamId === streamId);
        return { to: Math.max(0, ...mine.map(({ to }) => to)), closed: mine.some(({ closed }) => closed) };
      };
      const drained = async (): Promise<boolean> => {
        const isDrained = await transport.drain(patienceMs);
        await arrived();
        return isDrained;
      };
      await run(t, { transport, store, acknowledgements, mark, drained });
    });

  contractTest('states are durable when their publishing resolves, later ones in place of earlier ones', async (t, { transport, store, drained }) => {
    await transport.publishStates([madeState('a'), madeState('b', { inode: null, path: '/logs/käse 100%.log' })]);
    t.deepEqual(await transport.loadStates(['source of b']), [madeState('b', { inode: null, path: '/logs/käse 100%.log' })]);
    await drained();
    t.deepEqual(store.lastKnown('b')?.state, madeState('b', { inode: null, path: '/logs/käse 100%.log' }));
    await transport.publishStates([madeState('a', { sizeBytes: 5 })]);
    await drained();
    t.is(store.lastKnown('a')?.state?.sizeBytes, 5);
    t.is((await transport.loadStates(['source of b'])).length, 1);
    await transport.publishStates([]);
  });

  contractTest(meansStored ? 'loaded states are those of the sources asked for, at the further of the published and the stored position' : 'loaded states are those of the sources asked for, as they were published last', async (t, { transport, drained }) => {
    await transport.publishStates([madeState('a', { acknowledgedBytes: 3 }), madeState('b', { acknowledgedBytes: 1000, closed: true }), madeState('c')]);
    await transport.publish(madeChunk('a', 0, json(1)));
    await transport.publish(madeChunk('b', 0, json(1)));
    t.true(await drained());
    const states = await transport.loadStates(['source of a', 'source of b', 'of nobody']);
    t.deepEqual(states.sort((a, b) => (a.streamId < b.streamId ? -1 : 1)).map(({ streamId, acknowledgedBytes, closed }) => [streamId, acknowledgedBytes, closed]), [['a', meansStored ? json(1).length : 3, false], ['b', 1000, true]]);
  });

  contractTest(`a chunk is acknowledged to its end once it is ${meaning}`, async (t, { transport, store, mark, drained }) => {
    await transport.publish(madeChunk('a', 0, json(1) + json(2)));
    t.true(await drained());
    t.is(mark('a').to, (json(1) + json(2)).length);
    t.false(mark('a').closed);
    t.is(store.stored.length, 2);
  });

  contractTest('everything that a chunk says of its lines arrives', async (t, { transport, store, drained }) => {
    const origin = { service: 'käse%20', container: 'c', pod: 'p-1', namespace: 'ñ', node: null };
    const bytes = Buffer.concat([Buffer.from('"\u{1F680}'), Buffer.from([0xff, 0, 13, 10])]);
    await transport.publish(madeChunk('a', 0, zstdCompressSync(bytes), { end: bytes.length, codec: 'zstd', origin, source: 'source %41 ü', path: '/p a', readMs: 1234 }));
    await transport.publish(recordOf('idle', 'a', bytes.length, { source: 'source %41 ü', origin }));
    t.true(await drained());
    const [event] = store.stored;
    t.like(event, { ...origin, source: 'source %41 ü', timeNs: 1_234_000_000n });
    t.true(Buffer.from(event!.raw).equals(bytes.subarray(0, -1)));
  });

  contractTest(meansStored ? 'an open event holds the acknowledgement back until an idle record' : 'an open event is stored when an idle record comes', async (t, { transport, store, mark, drained }) => {
    const first = json(1);
    await transport.publish(madeChunk('a', 0, `${first}Error: boom\n    at f (x.js:1:1)\n`));
    while (store.stored.length === 0) await systemClock.sleep(5);
    t.is(await transport.drain(100), !meansStored);
    if (meansStored) t.true(mark('a').to <= first.length);
    t.is(store.stored.length, 1);
    const end = first.length + 'Error: boom\n    at f (x.js:1:1)\n'.length;
    await transport.publish(recordOf('idle', 'a', end));
    t.true(await drained());
    t.is(mark('a').to, end);
    t.is(Buffer.from(store.stored[1]!.raw).toString(), 'Error: boom\n    at f (x.js:1:1)');
  });

  contractTest(meansStored ? 'an open event holds the acknowledgement back until the stream closes, which is acknowledged as closed' : 'the end of a stream is acknowledged as closed', async (t, { transport, store, mark, drained }) => {
    await transport.publish(madeChunk('a', 0, 'some text\n'));
    t.is(await transport.drain(meansStored ? 100 : patienceMs), !meansStored);
    t.false(mark('a').closed);
    await transport.publish(recordOf('close', 'a', 10));
    t.true(await drained());
    t.deepEqual(mark('a'), { to: 10, closed: true });
    t.is(store.stored.length, 1);
  });

  contractTest('a closing record sent again, as after a crash, is acknowledged again', async (t, { transport, acknowledgements, mark, drained }) => {
    for (let round = 0; round < 2; round++) {
      acknowledgements.length = 0;
      await transport.publish(madeChunk('a', 0, 'no newline at the end'));
      await transport.publish(recordOf('close', 'a', 21));
      t.true(await drained());
      t.deepEqual(mark('a'), { to: 21, closed: true });
    }
  });

  contractTest('lost bytes are acknowledged as a gap', async (t, { transport, store, mark, drained }) => {
    await transport.publish(madeChunk('a', 0, json(1)));
    const end = json(1).length;
    await transport.publish(madeChunk('a', end, '', { kind: 'gap', end: end + 100, gap: { cause: 'truncated', bytes: 100, exact: false } }));
    await transport.publish(recordOf('close', 'a', end + 100));
    t.true(await drained());
    t.deepEqual(mark('a'), { to: end + 100, closed: true });
    t.deepEqual(store.stored.map(({ gap }) => gap), [null, { cause: 'truncated', bytes: 100, exact: false }]);
  });

  contractTest('chunks of one source are stored in the order of their publishing', async (t, { transport, store, drained }) => {
    const expected: string[] = [];
    const published: Promise<void>[] = [];
    const source = 'one source';
    let offset = 0;
    for (let n = 0; n < 60; n++) {
      const streamId = n < 30 ? 'first' : 'second';
      if (n === 30) offset = 0;
      expected.push(`${streamId}:${offset}`);
      published.push(transport.publish(madeChunk(streamId, offset, json(n), { source })));
      offset += json(n).length;
    }
    await Promise.all(published);
    t.true(await drained());
    t.deepEqual(store.stored.map(({ eventId }) => eventId), expected);
  });

  contractTest('a chunk sent twice is stored once and acknowledged', async (t, { transport, store, mark, drained }) => {
    for (let round = 0; round < 3; round++) await transport.publish(madeChunk('a', 0, json(1)));
    t.true(await drained());
    await transport.publish(madeChunk('a', 0, json(1)));
    t.true(await drained());
    t.is(store.stored.length, 1);
    t.is(mark('a').to, json(1).length);
  });

  contractTest('nothing published: drained', async (t, { drained }) => {
    t.true(await drained());
  });

  contractTest(meansStored ? 'a damaged chunk is refused with BAD_CHUNK, and the rest goes on' : 'a damaged chunk is not stored, and the rest goes on', async (t, { transport, store, mark, drained }) => {
    const errors: unknown[] = [];
    const kept = (error: unknown): void => void errors.push(error);
    const good = json(1);
    await transport.publish(madeChunk('a', 0, good)).catch(kept);
    await transport.publish(madeChunk('a', good.length, 'this is not zstd', { codec: 'zstd', end: good.length + 50 })).catch(kept);
    // Some transports can tell only with a later call.
    await transport.drain(patienceMs).catch(kept);
    await transport.publish(madeChunk('b', 0, json(2))).catch(kept);
    await transport.publish(madeChunk('a', good.length, json(3))).catch(kept);
    t.true(await drained());
    t.deepEqual(errors.map(error => (error instanceof LeadlineError ? error.code : error)), meansStored ? ['BAD_CHUNK'] : []);
    t.deepEqual(store.stored.map(({ eventId }) => eventId).sort(), ['a:0', `a:${good.length}`, 'b:0']);
    if (meansStored) t.is(mark('a').to, good.length + json(3).length);
  });

  contractTest(`while the store is full nothing is ${meansStored ? 'acknowledged or ' : ''}lost; when there is room everything is stored once`, async (t, { transport, store, acknowledgements, mark, drained }) => {
    store.failure = storeFull;
    await transport.publish(madeChunk('a', 0, json(1)));
    t.is(await transport.drain(300), !meansStored);
    const published = [transport.publish(madeChunk('a', json(1).length, json(2))), transport.publish(madeChunk('b', 0, json(3)))];
    t.is(await transport.drain(300), !meansStored);
    if (meansStored) t.true(acknowledgements.every(({ to }) => to === 0));
    t.is(store.stored.length, 0);
    store.failure = null;
    t.true(await drained());
    await Promise.all(published);
    t.true(await drained());
    t.deepEqual(store.stored.map(({ eventId }) => eventId).sort(), ['a:0', `a:${json(1).length}`, 'b:0']);
    t.deepEqual([mark('a').to, mark('b').to], [(json(1) + json(2)).length, json(3).length]);
  });

  contractTest(`a quiet stream ${meansStored ? 'hears of what was' : 'is'} stored late, without another chunk`, async (t, { transport, store, mark, drained }) => {
    store.failure = storeFull;
    await transport.publish(madeChunk('a', 0, json(1)));
    t.is(await transport.drain(meansStored ? 50 : patienceMs), !meansStored);
    store.failure = null;
    t.true(await drained());
    t.is(mark('a').to, json(1).length);
    t.is(store.stored.length, 1);
  });
}
