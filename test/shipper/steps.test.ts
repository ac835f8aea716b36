/** The pure steps of the shipper: names, framing, cutting, acknowledgements, the tables of cases. */
import test from 'ava';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { AckTracker } from '../../shipper/ack-tracker.ts';
import { cutChunk, lookBytes, type OpenLine } from '../../shipper/chunker.ts';
import { contentProblem } from '../../shipper/content-check.ts';
import { headOf, streamName, tailHashOf } from '../../shipper/file-identity.ts';
import { compareAge } from '../../shipper/file-source.ts';
import { firstOpenPiece, framingOf, noOpenPieces, openPiecesAfter } from '../../shipper/framing.ts';
import { logNameTest } from '../../shipper/log-names.ts';
import { copyCase, fileCase, type CopyEvidence } from '../../shipper/rotation.ts';
import { defaultOptions } from '#schemas/options.ts';

const tail = (at: number): ReturnType<typeof tailHashOf> => tailHashOf(Buffer.alloc(0), at);

test('a stream name is SHA-256 over length-prefixed fields', t => {
  const prefixed = ['m:/a.log', '42', '99', 'first line'].flatMap(field => [Buffer.from([0, 0, 0, field.length]), Buffer.from(field)]);
  t.is(streamName('m:/a.log', '42', '99', Buffer.from('first line')), createHash('sha256').update(Buffer.concat(prefixed)).digest('hex').slice(0, 32));
  t.not(streamName('a', '1', '23', Buffer.from('x')), streamName('a', '12', '3', Buffer.from('x')));
});

test('a file has a head at its first newline, at 1,024 bytes, or at its end', t => {
  t.is(headOf(Buffer.from('no newline yet'), false), null);
  t.is(headOf(Buffer.from('one\ntwo'), false)?.toString(), 'one');
  t.is(headOf(Buffer.alloc(2000, 120), false)?.length, 1024);
  t.is(headOf(Buffer.from('last words'), true)?.toString(), 'last words');
  t.is(headOf(Buffer.alloc(0), true), null);
});

test('framing is known from the first bytes', t => {
  t.is(framingOf(Buffer.from('{"log":"x\\n","stream":"stdout","time":"2022-08-22T05:18:16.154772363Z"}\n')), 'docker');
  t.is(framingOf(Buffer.from('2022-08-22T05:18:16.154772363Z stdout F x\n')), 'cri');
  t.is(framingOf(Buffer.from('2022-08-22T05:18:16+02:00 stderr P x\n')), 'cri');
  t.is(framingOf(Buffer.from('2022-08-22T05:18:16.154Z info started\n')), 'plain');
  t.is(framingOf(Buffer.from('{"level":30}\n')), 'plain');
});

test('an open piece is known per output', t => {
  const cri = (...lines: string[]): Buffer => Buffer.from(lines.map(line => `2022-08-22T05:18:16.154772363Z ${line}\n`).join(''));
  const length = cri('stdout F x').length;
  t.deepEqual(openPiecesAfter(cri('stdout F x', 'stdout P y', 'stderr F z'), 100, 'cri', noOpenPieces), { stdout: 100 + length, stderr: -1 });
  t.deepEqual(openPiecesAfter(cri('stderr F z', 'stdout F y'), 0, 'cri', { stdout: 7, stderr: -1 }), noOpenPieces);
  const docker = (text: string, output: string): Buffer => Buffer.from(`{"log":"${text}","stream":"${output}","time":"2022-08-22T05:18:16.1Z"}\n`);
  t.is(firstOpenPiece(openPiecesAfter(docker('half', 'stderr'), 50, 'docker', noOpenPieces)), 50);
  t.is(firstOpenPiece(openPiecesAfter(docker('whole\\n', 'stderr'), 50, 'docker', { stdout: -1, stderr: 9 })), null);
  t.is(firstOpenPiece(openPiecesAfter(docker('path C:\\\\n', 'stdout'), 50, 'docker', noOpenPieces)), 50);
  t.is(firstOpenPiece(openPiecesAfter(docker('says \\"stream\\":\\"stdout\\n', 'stdout'), 50, 'docker', noOpenPieces)), null);
  t.is(firstOpenPiece(openPiecesAfter(Buffer.from('{"log":"x\\n","attrs":{"tag":"y"},"stream":"stdout","time":"z"}\n'), 50, 'docker', noOpenPieces)), null);
});

for (const framing of ['docker', 'cri'] as const) {
  test(`${framing}: open pieces after any lines are those that reading them one by one gives`, t => {
    const line = fc.record({ output: fc.constantFrom('stdout' as const, 'stderr' as const), isLast: fc.boolean(), text: fc.constantFrom('', 'x', 'says "stream":"stderr"', ' stderr F ', '\\\\'), isForeign: fc.nat(9).map(n => n === 0) });
    const started = fc.constantFrom<number>(-1, 7);
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), started, started, fc.boolean(), (lines, stdout, stderr, endsWithNewline) => {
        const expected = { stdout, stderr };
        let text = '';
        for (const { output, isLast, text: said, isForeign } of lines) {
          if (!isForeign) expected[output] = isLast ? -1 : expected[output] < 0 ? 100 + text.length : expected[output];
          text += isForeign ? `${said}\n` : framing === 'cri' ? `2022-08-22T05:18:16.15Z ${output} ${isLast ? 'F' : 'P'} ${said}\n` : `${JSON.stringify({ log: isLast ? `${said}\n` : said, stream: output, time: '2022-08-22T05:18:16.1Z' })}\n`;
        }
        const bytes = Buffer.from(endsWithNewline ? text : text.slice(0, -1));
        t.deepEqual(openPiecesAfter(bytes, 100, framing, { stdout, stderr }), expected);
      }),
    );
  });
}

test('chunks of any bytes, arriving in any pieces, join to the same bytes, and long lines are cut the same', t => {
  const limits = { chunkBytesMax: 16, lineBytesMax: 40 };
  const cutAll = (bytes: Buffer, arrivals: readonly number[]): { text: string; part: string }[] => {
    const cuts: { text: string; part: string }[] = [];
    let position = 0;
    let openLine: OpenLine | null = null;
    for (const arrived of [...arrivals.map(each => Math.min(each, bytes.length)).sort((a, b) => a - b), bytes.length]) {
      for (;;) {
        const cut = cutChunk(bytes.subarray(position, Math.min(arrived, position + lookBytes(limits))), position, openLine, arrived === bytes.length && position + lookBytes(limits) >= bytes.length, limits);
        if (cut === null) break;
        cuts.push({ text: bytes.toString('latin1', position, position + cut.length), part: cut.part === null ? '' : `${cut.part.n}/${cut.part.of ?? ''}` });
        position += cut.length;
        openLine = cut.openLine;
      }
    }
    return cuts;
  };
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 12, arbitrary: fc.constant(120) }, { weight: 1, arbitrary: fc.constant(10) }), { maxLength: 200 }), fc.array(fc.nat(200), { maxLength: 8 }), (bytes, arrivals) => {
      const all = Buffer.from(bytes);
      const cuts = cutAll(all, arrivals);
      t.is(cuts.map(cut => cut.text).join(''), all.toString('latin1'));
      t.true(cuts.every(cut => cut.text.length <= limits.chunkBytesMax + 1));
      const inPieces = (list: typeof cuts): string[] => list.filter(cut => cut.part !== '').map(cut => `${cut.part} ${cut.text}`);
      t.deepEqual(inPieces(cuts), inPieces(cutAll(all, [])));
    }),
  );
});

test('acknowledgements in any order make a position without holes, and never one inside an open piece', t => {
  const tracker = new AckTracker(0, null);
  tracker.sent(10, 10, tail(10));
  tracker.sent(20, 12, tail(20));
  tracker.sent(30, 30, tail(30));
  t.false(tracker.acknowledged(10, 20));
  t.is(tracker.inFlightBytes, 20);
  t.true(tracker.acknowledged(0, 10));
  t.is(tracker.safeOffset, 12);
  t.is(tracker.tail?.at, 10);
  t.true(tracker.acknowledged(20, 30));
  t.deepEqual([tracker.safeOffset, tracker.tail?.at, tracker.inFlightBytes], [30, 30, 0]);
});

test('the end of a stream makes an open piece safe', t => {
  const tracker = new AckTracker(0, null);
  tracker.sent(20, 5, tail(20));
  tracker.acknowledged(0, 20);
  t.is(tracker.safeOffset, 5);
  tracker.finish();
  t.is(tracker.safeOffset, 20);
});

test('a file: what one look at it says', t => {
  const file = { seen: 'file', samePath: true, sameFile: true, sizeBytes: 10, headAgrees: true, tailAgrees: true } as const;
  const known = { sizeBytes: 10 };
  t.is(fileCase(known, file), 'same');
  t.is(fileCase(known, { ...file, samePath: false }), 'renamed');
  t.is(fileCase(known, { ...file, sizeBytes: 9 }), 'truncated');
  t.is(fileCase(known, { ...file, headAgrees: false }), 'truncated');
  t.is(fileCase(known, { ...file, tailAgrees: false }), 'truncated');
  t.is(fileCase(known, { ...file, sameFile: false }), 'replaced');
  t.is(fileCase(null, file), 'new');
  t.is(fileCase(known, { seen: 'absent' }), 'gone');
  t.is(fileCase(known, { seen: 'error', systemCode: 'ENOENT' }), 'gone');
  for (const systemCode of ['EACCES', 'EMFILE', 'EIO', 'ESTALE', 'ELOOP']) t.is(fileCase(known, { seen: 'error', systemCode }), 'unknown', systemCode);
});

test('a copy: what has to agree', t => {
  const copy: CopyEvidence = { relatedName: true, isOlder: false, isLater: false, isYounger: false, isBetween: false, isBornBehind: false, wholeFirstLine: true, headAgrees: true, candidateBytes: 500, headBytes: 20, position: 300, startAgrees: null, remembered: false, tailAgrees: true, agreesWithOriginal: null };
  t.is(copyCase(copy), 'copy');
  t.is(copyCase({ ...copy, candidateBytes: 200, tailAgrees: null }), 'nothingNew');
  for (const missing of ['relatedName', 'wholeFirstLine', 'headAgrees', 'tailAgrees', 'agreesWithOriginal', 'startAgrees'] as const) t.is(copyCase({ ...copy, [missing]: false }), 'notCopy', missing);
  t.is(copyCase({ ...copy, position: 0, tailAgrees: null }), 'undecided');
  t.is(copyCase({ ...copy, position: 0, tailAgrees: null, startAgrees: true }), 'copy');
  t.is(copyCase({ ...copy, position: 0, tailAgrees: null, remembered: true }), 'copy');
});

test('older files of a chain come first', t => {
  const file = (rotation: number | string | null, mtimeMs: number, chain = '/a.log'): Parameters<typeof compareAge>[0] => ({ chain, rotation, mtimeMs, path: `${chain}.${rotation ?? ''}` });
  t.deepEqual([file(null, 1), file(1, 9), file(12, 2)].sort(compareAge).map(each => each.rotation), [12, 1, null]);
  t.deepEqual([file('20220823', 1), file('20220822', 2), file(null, 0)].sort(compareAge).map(each => each.rotation), ['20220822', '20220823', null]);
  t.deepEqual([file(null, 5, '/1.log'), file(null, 3, '/0.log')].sort(compareAge).map(each => each.chain), ['/0.log', '/1.log']);
});

test('names taken from a folder', t => {
  const isLogName = logNameTest(defaultOptions());
  for (const name of ['a.log', 'a.log.1', 'a.log.2.gz', 'a.out', 'a.ndjson', 'a.json', 'syslog', 'syslog.1', 'messages-20220822', 'a.log-20220822.zst']) t.true(isLogName(name), name);
  for (const name of ['.a.log', 'a.txt', 'a.csv.gz', '.hidden']) t.false(isLogName(name), name);
  t.false(logNameTest({ ...defaultOptions(), exclude: ['a.*'] })('a.log'));
});

test('binary and UTF-16 files are known by their bytes, and a NUL hole before lines is none of them', t => {
  t.is(contentProblem('x', Buffer.concat([Buffer.alloc(3000), Buffer.from('line\n')]), false), null);
  t.is(contentProblem('x', Buffer.alloc(8192), false)?.code, 'BINARY_FILE');
  t.is(contentProblem('x', Buffer.from('plain words\n', 'utf16le'), false)?.code, 'UTF16_FILE');
  t.is(contentProblem('x', Buffer.from('caf\xe9 latin-1\n', 'latin1'), false), null);
});
