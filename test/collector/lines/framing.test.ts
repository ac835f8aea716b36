import test from 'ava';
import { parseCriLine } from '../../../collector/lines/cri.ts';
import { parseDockerLine, type FramedLine } from '../../../collector/lines/docker.ts';
import { corpusText } from '../formats/corpus.ts';

const text = (framed: FramedLine | null): string | null => (framed === null ? null : Buffer.from(framed.body).toString());
const docker = (line: string): FramedLine | null => parseDockerLine(Buffer.from(line));
const cri = (line: string): FramedLine | null => parseCriLine(Buffer.from(line));
const stampNs = 1661145496154772363n;

test('a docker line gives the log text without its newline, its output and the exact stamp', t => {
  const framed = docker('{"log":"Zürich \\u003cok\\u003e\\r\\n","stream":"stderr","time":"2022-08-22T05:18:16.154772363Z"}');
  t.is(text(framed), 'Zürich <ok>\r');
  t.deepEqual([framed?.partial, framed?.output, framed?.timeNs], [false, 'stderr', stampNs]);
});

test('a docker log text that does not end in a newline goes on', t => {
  t.true(docker('{"log":"aa","stream":"stdout","time":"2022-08-22T05:18:16Z"}')?.partial);
  t.is(text(docker('{"log":"\\n","stream":"stdout","time":"2022-08-22T05:18:16Z"}')), '');
});

test('what is not docker\'s framing is null', t => {
  for (const line of ['', 'plain', '{', '{"log":"x', '{"log":5,"stream":"stdout"}', '{"msg":"x","stream":"stdout"}', '{"log":"an application said this"}', '["log"]']) t.is(docker(line), null, line);
});

for (const [stamp, expected] of [
  ['2022-08-22T05:18:16.154772363Z', stampNs],
  ['2022-08-22T05:18:16.154772363+00:00', stampNs],
  ['2022-08-22T07:18:16.154772363+02:00', stampNs],
  ['2022-08-21T22:18:16.154772363-07:00', stampNs],
  ['2022-08-22T05:18:16.15477236Z', 1661145496154772360n],
  ['2022-08-22T05:18:16Z', 1661145496000000000n],
  ['2022-08-22T05:18:16.1547723639Z', stampNs],
  ['2022-13-22T05:18:16Z', null],
  ['today', null],
] as const) {
  test(`stamp ${stamp} is exact in both framings`, t => {
    t.is(docker(`{"log":"x\\n","stream":"stdout","time":"${stamp}"}`)?.timeNs, expected);
    if (stamp !== 'today') t.is(cri(`${stamp} stdout F x`)?.timeNs, expected);
  });
}

test('CRI: full and partial, tags, an empty line, spaces kept, the body a view of the line', t => {
  const line = Buffer.from('2022-08-22T05:18:16.154772363Z stderr P:a:b  two spaces ');
  const framed = parseCriLine(line);
  t.is(text(framed), ' two spaces ');
  t.deepEqual([framed?.partial, framed?.output], [true, 'stderr']);
  t.is(framed?.body.buffer, line.buffer);
  t.is(text(cri('2022-08-22T05:18:16Z stdout F ')), '');
  t.is(text(cri('2022-08-22T05:18:16Z stdout F')), '');
});

test('CRI: what is not its framing is null', t => {
  for (const line of ['', 'i\'m invalid!!!', 'something stderr looks like it', '2022-08-22T05:18:16Z', '2022-08-22T05:18:16Z stdout', '2022-08-22T05:18:16Z stdout X x', '2022-08-22T05:18:16Z stdout Full x', '2022-08-22T05:18:16Z stdwut F x', '2022-08-22T05:18:16Z stdout my super cool message']) {
    t.is(cri(line), null, line);
  }
});

test('corpus: CRI vectors', t => {
  const file = corpusText(t, 'container-runtime/cri-parse-vectors.json');
  if (file === null) return;
  const { vectors } = JSON.parse(file) as { vectors: { line: string; valid: boolean | string; ts: string | null; stream: string; flag: string; content: string }[] };
  for (const { line, valid, ts, stream, flag, content } of vectors) {
    const framed = cri(line);
    // A line without a flag, and one whose first word is no time, are left to the reader's choice: the first is no CRI line here.
    if (valid === false || (typeof valid === 'string' && valid.startsWith('implementation choice'))) {
      t.is(framed, null, line);
      continue;
    }
    t.deepEqual([text(framed), framed?.output, framed?.partial], [content, stream, flag === 'P'] as unknown, line);
    t.is(framed?.timeNs ?? null, ts === null ? null : BigInt(Date.parse(ts)) * 1_000_000n + 1n, line);
  }
});

test('corpus: docker and CRI pieces of several lines join per output', t => {
  const file = corpusText(t, 'container-runtime/fluentbit-multiline-vectors.json');
  if (file === null) return;
  const { vectors } = JSON.parse(file) as { vectors: { name: string; input_lines: string[]; expected_records: string[] }[] };
  for (const name of ['docker', 'cri']) {
    const { input_lines, expected_records } = vectors.find(vector => vector.name === name)!;
    const open = new Map<string | null, string>();
    const records: string[] = [];
    for (const raw of input_lines) {
      const framed = name === 'docker' ? docker(raw.replaceAll('\n', '\\n')) : cri(raw);
      if (framed === null) {
        // Someone else's line among them changes nothing about the pieces that are open.
        records.push(raw);
        continue;
      }
      const joined = (open.get(framed.output) ?? '') + text(framed)!;
      if (framed.partial) {
        open.set(framed.output, joined);
      } else {
        open.delete(framed.output);
        records.push(joined);
      }
    }
    if (name === 'cri') t.deepEqual(records.toSorted(), expected_records.toSorted());
    // Upstream ends the open piece "dd" at the foreign line; here it waits for its own newline.
    else t.deepEqual(records, ['aa', 'aa', 'bbcc', 'single line to force pending flush of the previous line', 'ddee']);
  }
});
