import test from 'ava';
import type { LogEvent } from '#schemas/event.ts';
import type { WindowPart } from '#schemas/store.ts';
import { EmbeddedWriter } from '../../../collector/store/embedded-writer.ts';
import { EmbeddedReader } from '../../../query/store/embedded-reader.ts';
import { windowPartOf } from '../../../query/store/line-digest.ts';
import { anyContext, madeEvent, noon } from '../../contract/made-up.ts';
import { testFolder } from '../../helpers/folder.ts';
import { idsOf } from '../timeline/lines.ts';

const traceOf = (n: number): string => `4bf92f3577b34da6a3ce929d0e0e${String(4000 + n)}`;
/** Every kind of line, over and over. */
const ids = (n: number): string => [`T:${traceOf(n)} S:00f067aa0ba9${String(1000 + n)}`, `R:req-${n} T:${traceOf(n)}`, `S:00f067aa0ba9${String(1000 + n)}`, `T:${traceOf(n)} T:${traceOf(n).slice(16)}`, `T:${traceOf(n)} T:${traceOf(n + 1)}`, `U:s-${n} C:c-${n} R:req-${n}`, 'T:- R:none', ''][n % 8]!;
const eventAt = (n: number): LogEvent => {
  const message = `order 81${n} of ü ${n % 3 === 0 ? 'café' : 'shop'} paid`;
  return madeEvent('abc'[n % 3]!, n, n + 1, { source: `source ${n % 3}`, timeNs: noon + BigInt(n) * 1_500_000n, message, raw: Buffer.from(JSON.stringify({ msg: message, ids: ids(n) })), template: n % 7 === 0 ? null : 'order <*>', ids: idsOf(ids(n)), requestIdSource: n % 16 === 15 ? 'generated' : null });
};

/** What the columns say of each line, in the order of time. */
function said(parts: readonly WindowPart[]): unknown[] {
  return parts.flatMap(part => {
    const of = part.columns();
    const canonical = (number: number): string | null => (number < 0 ? null : of.ids[number]!.canonical);
    return part.rows.map(row => {
      const numbers = [...of.idNumbers.subarray(row === 0 ? 0 : of.idEnds[row - 1], of.idEnds[row])];
      return {
        at: of.ms[row]!, id: part.event(row).eventId, isGenerated: of.isGenerated[row], source: of.sources[of.source[row]!], template: of.templates[of.template[row]!], ids: numbers.map(canonical), strongest: canonical(of.strongest[row]!),
        tokens: [...of.tokens.subarray(row === 0 ? 0 : of.tokenEnds[row - 1], of.tokenEnds[row])],
      };
    });
  }).sort((a, b) => a.at - b.at);
}

test('the columns of a block, of a few of its lines, and of events without a block are the same', async t => {
  const dataDir = testFolder(t);
  const events = Array.from({ length: 1200 }, (_, n) => eventAt(n));
  const writer = new EmbeddedWriter({ dataDir, commitEventsMax: 2000, commitBytesMax: 1 << 20, fileBytesMax: 1 << 30, retentionMs: 1e12, retentionBytesMax: 1e12, durable: false });
  writer.append({ events, states: [] }, [], []);
  writer.close();
  for (const [from, to, parts] of [[0, 1200, 3], [40, 56, 1], [700, 1030, 2]] as const) {
    const reader = new EmbeddedReader(dataDir);
    const answer = await reader.window([{ fromNs: events[from]!.timeNs, toNs: events[to - 1]!.timeNs + 1n }], false, anyContext);
    t.is(answer.parts.length, parts);
    t.deepEqual(said(answer.parts), said([windowPartOf(events.slice(from, to))]));
    await reader.close();
  }
});

test('an id is owned by the stronger one that all of its lines name; the halves of a trace are one, and two traces prove nothing', t => {
  const ownerIn = (id: string, ...lines: string[]): string | null => {
    const of = windowPartOf(lines.map((line, n) => madeEvent('a', n, n + 1, { ids: idsOf(line) }))).columns();
    const number = of.owner[of.idNumber.get(id)!]!;
    return number === -1 ? null : number === -2 ? 'several' : of.ids[number]!.canonical;
  };
  const [one, two] = [traceOf(1), traceOf(2)];
  t.is(ownerIn('req-7', `R:req-7 T:${one}`), one);
  t.is(ownerIn('req-7', `R:req-7 T:${one}`, `T:${one} R:req-7`), one);
  t.is(ownerIn('req-7', `R:req-7 T:${one}`, `T:${two} R:req-7`), 'several');
  t.is(ownerIn('req-7', `R:req-7 T:${one} T:${two}`), null);
  t.is(ownerIn(one.slice(16), `T:${one.slice(16)} T:${one}`), one);
  t.is(ownerIn('s-1', `U:s-1 T:${one}`), null);
  t.is(ownerIn('00f067aa0ba90001', 'S:00f067aa0ba90001 S:00f067aa0ba90002'), null);
  t.is(ownerIn('c-7', 'R:req-7 C:c-7'), 'req-7');
});
