import test from 'ava';
import type { Chunk, Framing } from '#schemas/chunk.ts';
import type { AssemblerLimits } from '../../../collector/lines/assembler-limits.ts';
import { LineAssembler, type ClosedGroup } from '../../../collector/lines/assembler.ts';
import { newLines } from '../../../collector/trim.ts';
import { madeChunk, noonMs } from '../../contract/made-up.ts';

const limits: AssemblerLimits = { lineBytesMax: 1000, openEventLinesMax: 5, openEventBytesMax: 1000, openEventMsMax: 60_000 };

/** Feeds chunks one behind the other and collects what closes. */
class Feeder {
  readonly groups: ClosedGroup[] = [];
  readonly assembler: LineAssembler;
  private readonly framing: Framing;
  offset = 0;

  constructor(framing: Framing = 'plain', given: Partial<AssemblerLimits> = {}) {
    this.framing = framing;
    this.assembler = new LineAssembler({ ...limits, ...given });
  }

  feed(value: string | Uint8Array, given: Partial<Chunk> = {}): this {
    const chunk = madeChunk('a', this.offset, value, { framing: this.framing, ...given });
    this.groups.push(...this.assembler.add(chunk, newLines(chunk, chunk.value, [])));
    this.offset = chunk.end;
    return this;
  }

  close(): this {
    this.groups.push(...this.assembler.closeAll());
    return this;
  }

  get raws(): string[] {
    return this.groups.map(({ raw }) => Buffer.from(raw).toString('latin1'));
  }

  get pieces(): string[] {
    return this.groups.map(({ pieces }) => pieces.map(({ from, to }) => `${from}-${to}`).join(' '));
  }

  get parts(): unknown[] {
    return this.groups.map(({ part }) => (part === null ? null : `${part.n}/${part.of ?? '?'}`));
  }
}

const json = (message: string): string => `{"msg":"${message}"}\n`;
const docker = (output: 'stdout' | 'stderr', log: string): string => `${JSON.stringify({ log, stream: output, time: '2022-08-22T05:18:16.154772363Z' })}\n`;
const cri = (output: 'stdout' | 'stderr', flag: 'P' | 'F', text: string): string => `2022-08-22T05:18:16.154772363Z ${output} ${flag} ${text}\n`;

test('docker: pieces join per output, over chunks, with the other output between them', t => {
  const lines = [docker('stdout', '{"n":'), docker('stderr', '{"e":1}\n'), docker('stdout', '1,'), docker('stdout', '"m":2}\n')];
  const starts = lines.map((_, index) => lines.slice(0, index).join('').length);
  for (const chunks of [[lines.join('')], lines]) {
    const feeder = new Feeder('docker');
    for (const chunk of chunks) feeder.feed(chunk);
    t.deepEqual(feeder.raws, ['{"n":1,"m":2}', '{"e":1}']);
    t.deepEqual(feeder.groups.map(({ output, physicalLines }) => [output, physicalLines]), [['stdout', 3], ['stderr', 1]]);
    t.is(feeder.groups[0]!.pieces[0]!.from, 0);
    t.deepEqual(feeder.groups[1]!.pieces, [{ from: starts[1], to: starts[2] }]);
  }
});

test('what lies between two pieces leaves together with them, so that a commit never ends between', t => {
  const feeder = new Feeder('cri').feed(cri('stdout', 'P', '{"n":')).feed(cri('stderr', 'F', '{"e":1}')).feed(cri('stderr', 'F', 'Error: text that may go on'));
  t.deepEqual(feeder.raws, []);
  feeder.feed(cri('stdout', 'F', '1}'));
  t.deepEqual(feeder.raws, [], 'the text on stderr lies between the pieces and is open');
  feeder.feed(cri('stderr', 'F', '{"e":2}'));
  t.deepEqual(feeder.raws, ['{"n":1}', '{"e":1}', 'Error: text that may go on', '{"e":2}']);
});

test('CRI: pieces join, an empty one included, and what is not CRI stays as it is', t => {
  const feeder = new Feeder('cri').feed(cri('stdout', 'P', 'one ') + cri('stdout', 'P', '') + cri('stdout', 'F', 'two') + 'containerd says this\n').close();
  t.deepEqual(feeder.raws, ['one two', 'containerd says this']);
  t.deepEqual(feeder.groups.map(({ runtimeTimeNs, output }) => [runtimeTimeNs, output]), [[1_661_145_496_154_772_363n, 'stdout'], [null, null]]);
});

test('pieces on the two sides of a hole are not joined, nor are lines', t => {
  const feeder = new Feeder('cri').feed(cri('stdout', 'P', 'one '));
  feeder.offset += 100;
  feeder.feed(cri('stdout', 'F', 'two')).close();
  t.deepEqual(feeder.raws, ['one ', 'two']);
  const plain = new Feeder().feed('Error: boom\n');
  plain.offset += 1;
  plain.feed('    at f (x.js:1:1)\n').close();
  t.deepEqual(plain.raws, ['Error: boom', '    at f (x.js:1:1)']);
  const long = new Feeder().feed('begun', { part: { n: 1, of: null } });
  long.offset += 1;
  long.feed('ended\n', { part: { n: 3, of: 3 } }).close();
  t.deepEqual(long.raws, ['begun', 'ended']);
});

test('a stack trace is held until the next line, an idle or closing record, or a limit', t => {
  const trace = 'Error: boom\n    at f (x.js:1:1)\n';
  const next = new Feeder().feed(trace);
  t.deepEqual(next.raws, []);
  t.true(next.assembler.isOpen);
  next.feed('2026-11-21 12:00:00 INFO next\n');
  t.deepEqual(next.raws, ['Error: boom\n    at f (x.js:1:1)']);
  t.deepEqual(next.pieces, [`0-${trace.length}`]);
  t.deepEqual(new Feeder().feed(trace).close().raws, ['Error: boom\n    at f (x.js:1:1)']);

  const byLines = new Feeder().feed(`Error: boom\n${'    at f (x.js:1:1)\n'.repeat(9)}`).close();
  t.deepEqual(byLines.groups.map(({ physicalLines }) => physicalLines), [5, 5]);
  const byBytes = new Feeder('plain', { openEventLinesMax: 1000, openEventBytesMax: 60 }).feed(`Error: boom\n${'    at f (x.js:1:1)\n'.repeat(5)}`).close();
  t.deepEqual(byBytes.groups.map(({ physicalLines }) => physicalLines), [3, 3]);
  const byTime = new Feeder().feed('Error: boom\n').feed('    at f (x.js:1:1)\n', { readMs: noonMs + limits.openEventMsMax }).feed('    at g (x.js:1:1)\n', { readMs: noonMs + 2 * limits.openEventMsMax + 1 }).close();
  t.deepEqual(byTime.groups.map(({ physicalLines }) => physicalLines), [2, 1]);
});

test('a complete line waits for an older open one, and both leave in stream order', t => {
  const feeder = new Feeder('cri').feed(cri('stderr', 'F', 'text that may go on')).feed(cri('stdout', 'F', '{"n":1}'));
  t.deepEqual(feeder.raws, []);
  feeder.feed(cri('stderr', 'F', '{"n":2}'));
  t.deepEqual(feeder.raws, ['text that may go on', '{"n":1}', '{"n":2}']);
});

test('an open event is closed by a record read much later, whichever output that is of', t => {
  const feeder = new Feeder('cri').feed(cri('stderr', 'F', 'text that may go on')).feed(cri('stdout', 'F', '{"n":1}'), { readMs: noonMs + limits.openEventMsMax });
  t.deepEqual(feeder.raws, []);
  feeder.feed(cri('stdout', 'F', '{"n":2}'), { readMs: noonMs + limits.openEventMsMax + 1 });
  t.deepEqual(feeder.raws, ['text that may go on', '{"n":1}', '{"n":2}']);
});

test('what waits behind an open event of the other output is bounded in bytes', t => {
  for (const first of [cri('stderr', 'F', 'text that may go on'), cri('stderr', 'P', 'unfinished')]) {
    for (const perChunk of [1, 500]) {
      const feeder = new Feeder('cri').feed(first);
      const line = cri('stdout', 'F', '{"n":1}');
      let sent = 0;
      while (feeder.groups.length === 0 && sent < 500) {
        feeder.feed(line.repeat(perChunk));
        sent += perChunk;
      }
      t.is(feeder.groups[0]!.output, 'stderr');
      t.true(perChunk > 1 || feeder.offset <= limits.openEventBytesMax + limits.lineBytesMax + 2 * line.length);
    }
  }
});

test('events that interlock without end are cut, at the same place however the chunks were cut', t => {
  // Each output begins its next line before the other one ends its own.
  const lines = [cri('stdout', 'P', '{"n":'), ...Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? 'stderr' : 'stdout')).flatMap((output, n) => [cri(output, 'P', '{"n":'), cri(output === 'stderr' ? 'stdout' : 'stderr', 'F', `${n}}`)])];
  const one = new Feeder('cri').feed(lines.join('')).close();
  const many = new Feeder('cri');
  for (const line of lines) {
    many.feed(line);
    t.true(many.offset - (many.groups.at(-1)?.pieces.at(-1)?.to ?? 0) < 3000);
  }
  many.close();
  t.deepEqual(many.pieces, one.pieces);
});

test('a long line in pieces is one event', t => {
  const text = 'x'.repeat(300);
  const feeder = new Feeder().feed(text, { part: { n: 1, of: null } }).feed(text, { part: { n: 2, of: null } });
  t.deepEqual(feeder.raws, []);
  feeder.feed(`${text}\n`, { part: { n: 3, of: 3 } }).close();
  t.deepEqual([feeder.raws, feeder.pieces, feeder.parts], [[text.repeat(3)], ['0-901'], [null]]);
  t.is(feeder.groups[0]!.physicalLines, 1);
});

test('pieces numbered anew, as after a restart of the shipper, go on with their line', t => {
  const feeder = new Feeder().feed('abc', { part: { n: 1, of: null } }).feed('def', { part: { n: 1, of: null } }).feed('ghi\nnext line\n').close();
  t.deepEqual(feeder.raws, ['abcdefghi', 'next line']);
});

test('a long docker line in pieces is read like a short one', t => {
  const line = docker('stderr', `{"msg":"${'x'.repeat(200)}"}\n`);
  const feeder = new Feeder('docker').feed(line.slice(0, 100), { part: { n: 1, of: null } }).feed(line.slice(100), { part: { n: 2, of: 2 } });
  t.deepEqual([feeder.raws[0]?.length, feeder.groups[0]?.output, feeder.parts], [210, 'stderr', [null]]);
});

test('an idle record in the middle of a long docker line keeps what there is, in its framing and at its time', t => {
  const feeder = new Feeder('cri').feed('2022-08-22T05:18:16.154772363Z stdout F half', { part: { n: 1, of: null } }).close();
  t.deepEqual([feeder.raws, feeder.groups[0]!.output, feeder.groups[0]!.readMs], [['half'], 'stdout', noonMs]);
});

test('beyond lineBytesMax a line is parts with numbers, cut at the same bytes however the chunks were cut', t => {
  const text = 'x'.repeat(2500);
  const cuts = [[2500], [1000, 1000, 500], [999, 1, 1, 999, 500], [1, 2499]];
  for (const lengths of cuts) {
    const feeder = new Feeder().feed(json('before'));
    const start = feeder.offset;
    let at = 0;
    for (const [index, length] of lengths.entries()) {
      const isLast = index === lengths.length - 1;
      feeder.feed(text.slice(at, at + length) + (isLast ? '\n' : ''), { part: { n: index + 1, of: isLast ? index + 1 : null } });
      at += length;
    }
    feeder.feed(json('after'));
    t.deepEqual(feeder.parts, [null, '1/?', '2/?', '3/3', null], String(lengths));
    t.deepEqual(feeder.pieces.slice(1, 4), [`${start}-${start + 1000}`, `${start + 1000}-${start + 2000}`, `${start + 2000}-${start + 2501}`]);
    t.is(feeder.groups.reduce((sum, { physicalLines }) => sum + physicalLines, 0), 3, 'it is one line all the same');
  }
});

test('a line of exactly lineBytesMax is whole, with its newline in the same piece or the next', t => {
  for (const pieces of [['x'.repeat(1000) + '\n'], ['x'.repeat(1000), '\n']]) {
    const feeder = new Feeder();
    for (const [index, piece] of pieces.entries()) feeder.feed(piece, { part: { n: index + 1, of: null } });
    t.deepEqual([feeder.close().pieces, feeder.parts], [['0-1001'], [null]]);
  }
});

test('docker pieces beyond lineBytesMax are parts with numbers', t => {
  const feeder = new Feeder('docker');
  for (let n = 0; n < 5; n++) feeder.feed(docker('stdout', 'x'.repeat(500)));
  feeder.feed(docker('stdout', 'end\n')).feed(docker('stdout', 'whole\n')).close();
  t.deepEqual(feeder.parts, ['1/?', '2/?', '3/3', null]);
  t.deepEqual(feeder.raws.map(({ length }) => length), [1000, 1000, 503, 5]);
});

test('the last line needs no newline', t => {
  const feeder = new Feeder().feed(`${json('one')}{"msg":"two"}`);
  t.deepEqual(feeder.raws, ['{"msg":"one"}', '{"msg":"two"}']);
  t.deepEqual(feeder.pieces, ['0-14', '14-27']);
  t.deepEqual(new Feeder().feed('text').close().raws, ['text']);
});

test('blank lines, CR, NUL and bad UTF-8 stay byte for byte', t => {
  const lines = ['', ' ', '\r', 'crlf\r', '\0\0\0', '\xff\xfe\xc3', '\xef\xbb\xbfmark', '{"broken', '{"n":"\xc3"}', 'a\0b\r\r'];
  const bytes = Buffer.from(lines.map(line => `${line}\n`).join(''), 'latin1');
  const feeder = new Feeder().feed(bytes).close();
  const whole = Buffer.concat(feeder.groups.flatMap(({ raw }) => [raw, Buffer.from('\n')]));
  t.true(whole.equals(bytes));
  t.is(feeder.groups.reduce((sum, { physicalLines }) => sum + physicalLines, 0), lines.length);
});
