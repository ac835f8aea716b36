import test from 'ava';
import { parseCriLine } from '../../../collector/lines/cri.ts';
import { parseDockerLine, type FramedLine } from '../../../collector/lines/docker.ts';

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
  for (const line of ['', 'plain', '{', '{"log":"x', '{"log":5,"stream":"stdout"}', '{"msg":"x","stream":"stdout"}', '{"log":"an application said this","level":"info"}', '["log"]']) t.is(docker(line), null, line);
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
