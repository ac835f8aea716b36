/** What is understood and where events are cut depends on bytes alone: not on chunks, not on where a collector begins again. */
import test from 'ava';
import fc from 'fast-check';
import type { LogEvent } from '#schemas/event.ts';
import { eventOf } from '../../../collector/event-of.ts';
import { LineAssembler, type ClosedGroup } from '../../../collector/lines/assembler.ts';
import { newLines } from '../../../collector/trim.ts';
import { madeChunk } from '../../contract/made-up.ts';
import { defaultLimits, eventsOf, lostBytes } from '../../corpus/pipeline.ts';

const lines = [
  '{"level":30,"time":1661145496154,"msg":"hi"}', 'level=info ts=2022-08-22T05:18:16Z msg="hi there"', '2022-08-22 05:18:16,123 ERROR [main] c.e.Cart - failed', 'java.io.IOException: gone', '\tat a.B.c(B.java:1)', 'Caused by: java.lang.Error: x',
  'Traceback (most recent call last):', '  File "a.py", line 1', 'KeyError: 1', '', 'plain words', 'I0822 05:18:16.123456       1 a.go:1] x', '1.2.3.4 - - [22/Aug/2022:05:18:16 +0000] "GET / HTTP/1.1" 200 5', 'Aug 22 05:18:16 host sshd[7]: x',
  'panic: boom', 'goroutine 1 [running]:', 'main.main()', '{', '  "a": 1', '}', 'web-1  | 2022-08-22 05:18:16 ERROR x', 'web-1  |   indented', 'db-1   | words', '[2022-08-22 05:18:16] production.ERROR: x', '#0 /a.php(1): b()', '<11>1 - - - - - - x', '05:18:16 INFO x', '\u001b[31mred\u001b[0m', 'cr\r', '\ufffd',
];
const logs = fc.array(fc.constantFrom(...lines), { minLength: 1, maxLength: 40 }).map(picked => Buffer.from(`${picked.join('\n')}\n`));

const readMs = Date.UTC(2022, 7, 22, 6);
const shape = (events: readonly LogEvent[]): unknown[] => events.map(({ eventId, pieces, level, message, fields, exceptionType, container, timeSource }) => [eventId, pieces, level, message, fields, exceptionType, container, timeSource]);

test('chunks may be cut anywhere between lines', t => {
  fc.assert(fc.property(logs, fc.integer({ min: 0, max: 200 }), (bytes, chunkBytes) => {
    const whole = eventsOf(bytes, { readMs });
    t.deepEqual(shape(eventsOf(bytes, { readMs, chunkBytes })), shape(whole));
    t.deepEqual(lostBytes(bytes, whole, 'plain'), []);
  }), { numRuns: 300 });
});

test('a collector that begins again behind whatever was stored cuts and understands the same', t => {
  fc.assert(fc.property(logs, fc.integer({ min: 0, max: 100 }), (bytes, chunkBytes) => {
    const whole = shape(eventsOf(bytes, { readMs }));
    const events: LogEvent[] = [];
    const context = { source: 'corpus', streamId: 'corpus', origin: { service: null, container: null, pod: null, namespace: null, node: null }, bootId: null };
    const take = (groups: readonly ClosedGroup[]): void => {
      for (const group of groups) events.push(eventOf(context, group, events.at(-1)?.timeNs ?? null));
    };
    let assembler = new LineAssembler(defaultLimits);
    for (let from = 0; from < bytes.length; ) {
      const newline = bytes.indexOf(10, Math.min(bytes.length - 1, from + chunkBytes));
      const to = newline < 0 ? bytes.length : newline + 1;
      const chunk = madeChunk('corpus', from, bytes.subarray(from, to), { readMs });
      const groups = assembler.add(chunk, newLines(chunk, chunk.value, []));
      take(groups);
      from = to;
      // Killed after each commit: the next begins behind what was stored.
      if (groups.length === 0) continue;
      from = Math.max(...events.flatMap(({ pieces }) => pieces.map(piece => piece.to)));
      assembler = new LineAssembler(defaultLimits);
    }
    take(assembler.closeAll());
    t.deepEqual(shape(events), whole);
  }), { numRuns: 300 });
});

test('a line is understood the same whatever stood before it', t => {
  const alone = new Map(lines.map(line => [line, shape(eventsOf(Buffer.from(`${line}\n`), { readMs }))]));
  for (const before of lines) {
    // A complete line in between: nothing goes on over it.
    for (const line of lines) {
      // Another container's line closes nothing of this one's.
      if (before.startsWith('web-1') && line.startsWith('web-1')) continue;
      const events = eventsOf(Buffer.from(`${before}\n{"x":1}\n${line}\n`), { readMs });
      const [last] = shape(events.slice(-1)) as [unknown[]];
      const [only] = alone.get(line) as [unknown[]];
      // Places and inherited times aside.
      t.deepEqual(last.slice(2, 7), only.slice(2, 7), `${line} behind ${before}`);
    }
  }
});
