import test from 'ava';
import { chunkHeaders, chunkHeaderTable, chunkOf, type Chunk, type ChunkHeaders } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { madeChunk, recordOf } from '../contract/made-up.ts';

const full: Chunk = madeChunk('id.0', 10, 'abc\n', {
  end: 20, lengths: [4, 6], part: { n: 2, of: 3 }, previous: { streamId: 'other:1.0', end: 99 }, origin: { service: 's', container: 'c', pod: 'p', namespace: 'n', node: 'm' }, bootId: 'boot', path: '/a b', framing: 'cri',
});

for (const [what, chunk] of [
  ['everything', full],
  ['nothing that may be left out', madeChunk('a', 0, '')],
  ['an open part', madeChunk('a', 0, 'x', { part: { n: 1, of: null } })],
  ['an idle record', recordOf('idle', 'a', 5)],
  ['a closing record', recordOf('close', 'a', 5)],
  ['an exact gap', madeChunk('a', 5, '', { kind: 'gap', end: 9, gap: { cause: 'truncated', bytes: 4, exact: true } })],
  ['a gap of at least so many bytes', madeChunk('a', 5, '', { kind: 'gap', end: 9, gap: { cause: 'gone', bytes: 4, exact: false } })],
] as const) {
  test(`a chunk with ${what} is the same after its headers were written and read`, t => {
    t.deepEqual(chunkOf(chunkHeaders(chunk), chunk.value), chunk);
  });
}

test('every header that is written is in the table, and the other way round', t => {
  const written = new Set([full, recordOf('idle', 'a', 0), recordOf('close', 'a', 0), madeChunk('a', 0, '', { kind: 'gap', gap: { cause: 'x', bytes: 1, exact: true } })].flatMap(chunk => Object.keys(chunkHeaders(chunk))));
  t.deepEqual([...written].sort(), Object.keys(chunkHeaderTable).sort());
});

const good = chunkHeaders(madeChunk('a', 0, 'abc\n'));
for (const [what, headers, value] of [
  ['no version', { 'll-v': undefined }, 'abc\n'],
  ['another version', { 'll-v': '2' }, 'abc\n'],
  ['no stream', { 'll-stream': undefined }, 'abc\n'],
  ['no source', { 'll-source': undefined }, 'abc\n'],
  ['an offset that is no whole number', { 'll-offset': '-1' }, 'abc\n'],
  ['an offset past 2^53', { 'll-offset': '9007199254740993', 'll-end': '9007199254740997' }, 'abc\n'],
  ['an end before its offset', { 'll-offset': '5' }, ''],
  ['fewer bytes than its offsets say', {}, 'abc'],
  ['an unknown codec', { 'll-codec': 'gzip' }, 'abc\n'],
  ['an unknown framing', { 'll-framing': 'syslog' }, 'abc\n'],
  ['a part that is no number', { 'll-part': '1/x' }, 'abc\n'],
  ['a previous stream without an end', { 'll-previous': 'a' }, 'abc\n'],
  ['a gap without a size', { 'll-gap': 'cause' }, ''],
  ['an idle record with bytes', { 'll-idle': '1' }, 'abc\n'],
  ['lengths that are none', { 'll-lengths': '1,,2' }, 'abc\n'],
  ['no read time', { 'll-read-ms': undefined }, 'abc\n'],
] as [string, ChunkHeaders, string][]) {
  test(`a chunk with ${what} is refused`, t => {
    t.is(t.throws(() => chunkOf({ ...good, ...headers }, Buffer.from(value)), { instanceOf: LeadlineError })?.code, 'BAD_CHUNK');
  });
}
