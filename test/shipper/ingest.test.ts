import test from 'ava';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { quietLog } from '#lib/log.ts';
import { defaultOptions } from '#schemas/options.ts';
import { ingestPaths, type IngestOptions, type IngestReport } from '../../shipper/ingest.ts';
import { corpusTest } from '../helpers/corpus.ts';
import { boutiqueContainers } from '../helpers/onlineboutique.ts';
import { MemoryStore, MemoryTransport } from '../helpers/memory-transport.ts';

class Desk {
  readonly root = mkdtempSync(join(tmpdir(), 'leadline-test-'));
  readonly store = new MemoryStore();

  write(name: string, bytes: string | Buffer): string {
    const path = join(this.root, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, bytes);
    return path;
  }

  ingest(paths: string[], options: Partial<IngestOptions> = {}, stdin?: Readable): Promise<IngestReport> {
    return ingestPaths({ paths, options: { ...defaultOptions(), ...options }, transport: new MemoryTransport(this.store, true), log: quietLog, stdin });
  }

  stored(): Buffer[] {
    return [...this.store.streams().values()];
  }
}

function desk(t: { teardown: (fn: () => void) => void }): Desk {
  const made = new Desk();
  t.teardown(() => rmSync(made.root, { recursive: true, force: true }));
  return made;
}

const linesOf = (from: number, to: number): string => Array.from({ length: to - from }, (_, index) => `2026-11-21T08:00:00Z line ${from + index} of the cart service\n`).join('');

test('every byte of a file is stored, closed, and reported', async t => {
  const d = desk(t);
  const bytes = Buffer.concat([Buffer.from('\ufeffone\r\n\0\0\0\ntwo\xff'), Buffer.from([0xff, 0xfe, 10]), Buffer.from('last without newline')]);
  const report = await d.ingest([d.write('cart.log', bytes)]);
  t.deepEqual(d.stored(), [bytes]);
  t.is(d.store.chunks.at(-1)!.chunk.kind, 'close');
  t.like(report, { bytes: bytes.length, bytesNew: bytes.length, lines: 4, problems: [] });
  t.true([...d.store.states.values()].every(state => state.closed && state.acknowledgedBytes === bytes.length));
});

test('the same file again stores nothing: as it is, copied elsewhere, gzipped, zstd in frames', async t => {
  const d = desk(t);
  const text = linesOf(0, 5000);
  const half = text.length >> 1;
  const paths = [
    d.write('cart.log', text),
    d.write('elsewhere/other/cart.log', text),
    d.write('gz/cart.log.gz', gzipSync(text)),
    d.write('zst/cart.log.zst', Buffer.concat([zstdCompressSync(text.slice(0, half)), zstdCompressSync(text.slice(half))])),
  ];
  // Otherwise the folder of a file that is named itself would be its service.
  const pathPattern = ['{service}.log'];
  t.is((await d.ingest([paths[0]!], { pathPattern })).bytesNew, text.length);
  const count = d.store.chunks.length;
  for (const path of paths) t.like(await d.ingest([path], { pathPattern }), { bytes: text.length, bytesNew: 0, problems: [] }, path);
  t.is(d.store.chunks.length, count);
});

test('a longer file stores only its rest', async t => {
  const d = desk(t);
  const path = d.write('logs/cart.log', linesOf(0, 3000));
  await d.ingest([join(d.root, 'logs')]);
  writeFileSync(path, linesOf(0, 3500));
  const report = await d.ingest([join(d.root, 'logs')]);
  t.is(report.bytesNew, linesOf(3000, 3500).length);
  t.is(report.lines, 3500);
  t.deepEqual(d.stored().map(String), [linesOf(0, 3500)]);
});

test('another file of the same name and first line is the next generation', async t => {
  const d = desk(t);
  await d.ingest([d.write('a/cart.log', `banner\n${linesOf(0, 100)}`)], { pathPattern: ['{service}.log'] });
  await d.ingest([d.write('b/cart.log', `banner\n${linesOf(500, 900)}`)], { pathPattern: ['{service}.log'] });
  t.deepEqual([...d.store.streams().keys()].map(streamId => streamId.split('.')[1]), ['0', '1']);
});

test('a shorter file is taken for an earlier copy, and said to be; in one run its bytes decide', async t => {
  const d = desk(t);
  await d.ingest([d.write('a/cart.log', `banner\n${linesOf(0, 100)}`)], { pathPattern: ['{service}.log'] });
  const report = await d.ingest([d.write('b/cart.log', `banner\n${linesOf(0, 20)}`)], { pathPattern: ['{service}.log'] });
  t.deepEqual([report.bytesNew, report.problems.map(problem => problem.code)], [0, ['SHORTER_THAN_STORED']]);
  const e = desk(t);
  e.write('x/cart.log.1', `banner\n${linesOf(0, 100)}`);
  e.write('x/cart.log', `banner\n${linesOf(700, 720)}`);
  const both = await e.ingest([join(e.root, 'x')]);
  t.deepEqual([both.bytes === both.bytesNew, both.problems], [true, []]);
});

test('rotated files of one source follow each other, oldest first', async t => {
  const d = desk(t);
  d.write('x/cart.log', 'three\n');
  d.write('x/cart.log.1', 'two\n');
  d.write('x/cart.log.2.gz', gzipSync('one\n'));
  await d.ingest([join(d.root, 'x')]);
  t.deepEqual(d.stored().map(String), ['one\n', 'two\n', 'three\n']);
  const [first, second] = [...d.store.streams().keys()];
  t.deepEqual(d.store.chunks.find(({ chunk }) => chunk.streamId === second)!.chunk.previous, { streamId: first!, end: 4 });
});

test('a truncated archive gives what it has and says so', async t => {
  for (const [name, packed] of [['cart.log.gz', gzipSync(linesOf(0, 20_000))], ['cart.log.zst', zstdCompressSync(linesOf(0, 20_000))]] as const) {
    const d = desk(t);
    const report = await d.ingest([d.write(name, packed.subarray(0, packed.length - 40))]);
    t.deepEqual(report.problems.map(problem => problem.code), ['ARCHIVE_TRUNCATED'], name);
    t.true(linesOf(0, 20_000).startsWith(d.stored()[0]!.toString()));
    t.true(d.stored()[0]!.length > 100_000, name);
  }
});

test('what is no log is refused out loud, and the others go on', async t => {
  const d = desk(t);
  d.write('x/a.log', 'one\n');
  d.write('x/empty.log', '');
  d.write('x/program.log', Buffer.concat([Buffer.from([0x7f, 0x45, 0x4c, 0x46]), Buffer.alloc(5000)]));
  d.write('x/wide.log', Buffer.from('\ufeffone\ntwo\n', 'utf16le'));
  d.write('x/disguised.log', gzipSync('one\n'));
  const report = await d.ingest([join(d.root, 'x')]);
  t.deepEqual(report.problems.map(({ path, code }) => [path.split('/').at(-1), code]), [['disguised.log', 'BINARY_FILE'], ['program.log', 'BINARY_FILE'], ['wide.log', 'UTF16_FILE']]);
  t.deepEqual(d.stored().map(String), ['one\n']);
  t.is((await d.ingest([join(d.root, 'x', 'program.log')], { includeBinary: true })).bytesNew, 5004);
});

test('no file, no folder, no logs: each is told', async t => {
  const d = desk(t);
  await t.throwsAsync(d.ingest([join(d.root, 'nothing.log')]), { code: 'PATH_NOT_FOUND' });
  await t.throwsAsync(d.ingest([join(d.root, '*.log')]), { code: 'PATH_NOT_FOUND' });
  await t.throwsAsync(d.ingest([d.root]), { code: 'NO_LOGS_IN_FOLDER' });
  d.write('a.log', 'one\n');
  t.is((await d.ingest([join(d.root, '*.log')])).bytesNew, 4);
});

test('standard input is read to its end, and the same again stores nothing', async t => {
  const d = desk(t);
  const piped = (): Readable => Readable.from([Buffer.from('one\ntw'), Buffer.from('o\n')]);
  t.like(await d.ingest(['-'], {}, piped()), { bytes: 8, bytesNew: 8, lines: 2 });
  t.like(await d.ingest(['-'], {}, piped()), { bytes: 8, bytesNew: 0 });
  t.deepEqual(d.stored().map(String), ['one\ntwo\n']);
});

test('a line longer than a chunk and one longer than a line may be lose no byte', async t => {
  const d = desk(t);
  const text = `a\n${'b'.repeat(20_000)}\nc\n`;
  await d.ingest([d.write('a.log', text)], { chunkBytesMax: 4096, lineBytesMax: 10_000 });
  t.deepEqual(d.stored().map(String), [text]);
  t.deepEqual(d.store.chunks.filter(({ chunk }) => chunk.part !== null).map(({ chunk }) => `${chunk.part!.n}/${chunk.part!.of ?? '-'}`), ['1/-', '2/-', '3/3', '1/-', '2/-', '3/3']);
});

corpusTest('real container logs: every byte is stored once, and nothing the second time', async t => {
  const folder = boutiqueContainers;
  const d = desk(t);
  const report = await d.ingest([folder]);
  const expected = readdirSync(folder).filter(name => name.endsWith('.gz')).map(name => gunzipSync(readFileSync(join(folder, name))));
  t.is(report.lines, 12_058);
  t.is(report.bytesNew, expected.reduce((sum, bytes) => sum + bytes.length, 0));
  t.true(expected.every(bytes => d.stored().some(stored => stored.equals(bytes))));
  t.true(d.store.chunks.every(({ chunk }) => chunk.framing === 'docker' && chunk.origin.pod !== null));
  // Elsewhere and unpacked it is the same.
  const [name] = readdirSync(folder).filter(each => each.endsWith('.gz'));
  mkdirSync(join(d.root, 'copy'));
  copyFileSync(join(folder, name!), join(d.root, 'copy', name!));
  d.write(`plain/${name!.replace('.gz', '')}`, gunzipSync(readFileSync(join(folder, name!))));
  for (const again of [folder, join(d.root, 'copy'), join(d.root, 'plain')]) t.is((await d.ingest([again])).bytesNew, 0, again);
});
