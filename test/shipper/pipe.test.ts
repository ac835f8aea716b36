/** Pipes: standard input and a child's outputs, over real pipes. */
import test from 'ava';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { systemClock } from '#lib/clock.ts';
import { quietLog } from '#lib/log.ts';
import { defaultOptions } from '#schemas/options.ts';
import { balanceCloses } from '../../shipper/balance.ts';
import { runChild, type RunningChild } from '../../shipper/child-process.ts';
import { shipPipe, type PipeOptions, type PipeShipping } from '../../shipper/pipe-shipper.ts';
import { MemoryStore, MemoryTransport } from '../helpers/memory-transport.ts';

const noOrigin = { service: 'job', container: null, pod: null, namespace: null, node: null };

function shipped(options: Partial<PipeOptions> = {}, store = new MemoryStore(), prompt = true): { pipe: PassThrough; store: MemoryStore; transport: MemoryTransport; shipping: PipeShipping } {
  const pipe = new PassThrough();
  const transport = new MemoryTransport(store, prompt, true, 3);
  const shipping = shipPipe({ stream: pipe, source: 'host/stdin', origin: noOrigin, path: '-', options: { ...defaultOptions(), pollIntervalMs: 5, idleAfterMs: 100, ...options }, transport, log: quietLog });
  return { pipe, store, transport, shipping };
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await systemClock.sleep(2);
}

const linesOf = (store: MemoryStore): string[] => [...store.streams().values()].map(bytes => bytes.toString('latin1'));

test('what goes into a pipe is stored byte for byte as one stream, announced first and closed at its end', async t => {
  const { pipe, store, shipping } = shipped();
  pipe.write('one\ntwo\nhal');
  await until(() => store.chunks.length > 0);
  pipe.write('f\nlast without newline');
  pipe.end();
  await shipping.finished;
  t.deepEqual(linesOf(store), ['one\ntwo\nhalf\nlast without newline']);
  const [streamId] = [...store.streams().keys()];
  t.is(store.kinds(streamId!).at(-1), 'close');
  t.like(store.states.get(streamId!), { closed: true, acknowledgedBytes: 33, partition: 'host/stdin'.length % 3, inode: null });
  t.true(shipping.status().every(balanceCloses));
});

test('a pipe that falls silent says so once', async t => {
  const { pipe, store, shipping } = shipped();
  pipe.write('one\n');
  await until(() => store.chunks.some(({ chunk }) => chunk.kind === 'idle'));
  await systemClock.sleep(250);
  pipe.end();
  await shipping.finished;
  t.deepEqual(store.chunks.map(({ chunk }) => chunk.kind), ['lines', 'idle', 'close']);
});

test('every run of the same command is a stream of its own, and one that was killed is closed by the next', async t => {
  const store = new MemoryStore();
  const first = shipped({ drainTimeoutMs: 50 }, store);
  first.pipe.write('same first line\n');
  await until(() => store.chunks.length > 0);
  first.transport.crash(0);
  const second = shipped({}, store);
  second.pipe.end('same first line\n');
  await second.shipping.finished;
  await first.shipping.stop();
  t.is(store.streams().size, 2);
  t.true([...store.states.values()].every(state => state.closed));
});

test('more bytes than may be in flight wait in the pipe and none is lost', async t => {
  const { pipe, store, transport, shipping } = shipped({ chunkBytesMax: 4096, inFlightBytesMax: 64 * 1024 }, new MemoryStore(), false);
  const text = Array.from({ length: 20_000 }, (_, n) => `${n} ${'x'.repeat(n % 90)}\n`).join('');
  let fed = false;
  pipe.write(text, () => {
    fed = true;
  });
  pipe.end();
  await until(() => transport.pending.reduce((sum, { bytes }) => sum + bytes.length, 0) >= 64 * 1024);
  await systemClock.sleep(50);
  t.true(transport.pending.reduce((sum, { bytes }) => sum + bytes.length, 0) <= 64 * 1024 + 4096);
  const acknowledging = setInterval(() => transport.acknowledgeAll(), 2);
  await shipping.finished;
  clearInterval(acknowledging);
  t.true(fed);
  t.deepEqual(linesOf(store), [text]);
});

test('a line longer than a chunk travels in parts', async t => {
  const { pipe, store, shipping } = shipped({ chunkBytesMax: 4096 });
  pipe.end(`${'y'.repeat(10_000)}\nafter\n`);
  await shipping.finished;
  t.deepEqual(linesOf(store), [`${'y'.repeat(10_000)}\nafter\n`]);
  t.true(store.chunks.some(({ chunk }) => chunk.part?.n === 3 && chunk.part.of === 3));
});

test('stopped: what was read is stored and closed, though the pipe is still open', async t => {
  const { pipe, store, shipping } = shipped();
  pipe.write('one\nhalf');
  await until(() => store.chunks.length > 0);
  t.true(await shipping.stop());
  t.deepEqual(linesOf(store), ['one\nhalf']);
  t.is(store.chunks.at(-1)!.chunk.kind, 'close');
});

test('an empty pipe ends without a stream, and UTF-16 is refused by name', async t => {
  const empty = shipped();
  empty.pipe.end();
  await empty.shipping.finished;
  t.is(empty.store.states.size, 0);
  const utf16 = shipped();
  utf16.pipe.end(Buffer.from('\ufeffwords in UTF-16\n', 'utf16le'));
  await t.throwsAsync(utf16.shipping.finished, { code: 'UTF16_FILE' });
});

class Collected extends Writable {
  readonly pieces: Buffer[] = [];
  override _write(piece: Buffer, _: string, done: () => void): void {
    this.pieces.push(piece);
    done();
  }
  get bytes(): Buffer {
    return Buffer.concat(this.pieces);
  }
}

async function child(script: string, argument = ''): Promise<{ running: RunningChild; store: MemoryStore; stdout: Collected; stderr: Collected }> {
  const [store, stdout, stderr] = [new MemoryStore(), new Collected(), new Collected()];
  const options = { ...defaultOptions(), pollIntervalMs: 5 };
  const running = await runChild({ command: process.execPath, args: ['-e', script, argument], source: 'pod', origin: noOrigin, options, transport: new MemoryTransport(store, true), log: quietLog, stdout, stderr });
  return { running, store, stdout, stderr };
}

const storedOf = (store: MemoryStore, source: string): string => [...store.streams()].filter(([streamId]) => store.states.get(streamId)!.source === source).map(([, bytes]) => bytes.toString('latin1')).join('');

test("a child's outputs pass through unchanged, are shipped as two sources, and its exit code is kept", async t => {
  const noise = randomBytes(300_000).toString('base64');
  const { running, store, stdout, stderr } = await child(`process.stdout.write('A'.repeat(200000) + '\\n${noise.slice(0, 1000)}\\n'); console.error('went wrong'); process.exitCode = 3;`);
  t.is(await running.exited, 3);
  await running.shipping.finished;
  t.is(storedOf(store, 'pod/stdout'), `${'A'.repeat(200_000)}\n${noise.slice(0, 1000)}\n`);
  t.is(storedOf(store, 'pod/stderr'), 'went wrong\n');
  t.is(stdout.bytes.toString(), storedOf(store, 'pod/stdout'));
  t.is(stderr.bytes.toString(), 'went wrong\n');
});

test('a signal to us reaches the child, and a child ended by a signal exits with 128 and its number', async t => {
  // Signals are for processes; a test runs in a thread.
  const at = (path: string): string => JSON.stringify(pathToFileURL(join(import.meta.dirname, path)).href);
  const script = `
    import { runChild } from ${at('../../shipper/child-process.ts')};
    import { MemoryStore, MemoryTransport } from ${at('../helpers/memory-transport.ts')};
    import { defaultOptions } from ${at('../../schemas/options.ts')};
    import { quietLog } from ${at('../../lib/log.ts')};
    const inner = "process.on('SIGUSR2', () => { console.log('had it'); process.kill(process.pid, 'SIGTERM'); }); setInterval(() => {}, 1000); console.log('ready');";
    const { exited, shipping } = await runChild({ command: process.execPath, args: ['-e', inner], source: 'pod', origin: ${JSON.stringify(noOrigin)}, options: defaultOptions(), transport: new MemoryTransport(new MemoryStore(), true), log: quietLog });
    process.exitCode = await exited;
    await shipping.finished;`;
  const outer = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  outer.stdout.on('data', (piece: Buffer) => {
    if (!printed.includes('ready') && piece.includes('ready')) outer.kill('SIGUSR2');
    printed += piece.toString();
  });
  const [code] = (await once(outer, 'close')) as [number | null];
  t.is(code, 143);
  t.is(printed, 'ready\nhad it\n');
});

test('a command that is not there is told by name', async t => {
  await t.throwsAsync(runChild({ command: '/no/such/command', args: [], source: 'pod', origin: noOrigin, options: defaultOptions(), transport: new MemoryTransport(new MemoryStore(), true), log: quietLog }), { code: 'COMMAND_NOT_STARTED', message: /no\/such\/command/ });
});
