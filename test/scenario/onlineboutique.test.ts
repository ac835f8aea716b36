import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../helpers/command.ts';
import { corpusTest } from '../helpers/corpus.ts';
import { testFolder } from '../helpers/folder.ts';
import { boutiqueContainers, boutiqueEvents, boutiquePods, sameTimelines } from '../helpers/onlineboutique.ts';
import { allEvents, ingested, queriesOf, timeline } from '../helpers/store.ts';

corpusTest('ten containers as docker json-files: all 247 timelines, every line and byte accounted for, and nothing new the second time', async t => {
  const folder = testFolder(t);
  const first = await ingested([boutiqueContainers], folder);
  t.is(first.lines, boutiqueEvents);
  t.is(first.bytesNew, first.bytes);
  t.deepEqual(first.problems, []);
  for (const file of first.files) {
    const stream = first.streams!.get(file.streamId!)!;
    t.deepEqual(stream.storedRanges, [{ from: 0, to: file.bytes }]);
    t.is(stream.events, file.lines);
  }
  const queries = queriesOf(t, folder);
  t.is((await allEvents(queries)).length, boutiqueEvents);
  await sameTimelines(t, queries, boutiqueContainers);

  const copy = join(testFolder(t), 'elsewhere');
  cpSync(boutiqueContainers, copy, { recursive: true });
  for (const path of [boutiqueContainers, copy]) {
    const again = await ingested([path], folder);
    t.is(again.bytesNew, 0);
    t.is([...again.streams!.values()].reduce((sum, stream) => sum + stream.events, 0), boutiqueEvents);
  }
  t.is((await allEvents(queries)).length, boutiqueEvents);
});

corpusTest('the same set in CRI framing gives the same timelines', async t => {
  const folder = testFolder(t);
  await ingested([boutiquePods], folder);
  const queries = queriesOf(t, folder);
  t.is((await allEvents(queries)).length, boutiqueEvents);
  await sameTimelines(t, queries, boutiquePods);
});

corpusTest("a frontend's own request id gives the whole request, a session lists its requests and merges none, no level says error", async t => {
  const folder = testFolder(t);
  await ingested([boutiqueContainers], folder);
  const queries = queriesOf(t, folder);
  const frontend = (await allEvents(queries, 'service:frontend')).filter(event => event.fields['http.req.id'] !== undefined);
  const traceOf = new Map(frontend.map(event => [event.fields['http.req.id'] as string, event.requestId!]));
  t.true(traceOf.size > 200);
  for (const [id, trace] of traceOf) {
    const [joined, direct] = [await timeline(queries, id), await timeline(queries, trace)];
    t.deepEqual([joined.id, joined.events.map(event => event.eventId)], [trace, direct.events.map(event => event.eventId)]);
  }
  const tracesOf = new Map<string, Set<string>>();
  for (const event of frontend) {
    const session = event.fields['session'] as string;
    tracesOf.set(session, (tracesOf.get(session) ?? new Set()).add(event.requestId!));
  }
  const [session, traces] = [...tracesOf].sort((a, b) => b[1].size - a[1].size)[0]!;
  t.true(traces.size > 1);
  const grouped = await timeline(queries, session);
  t.is(grouped.grouping?.kind, 'session');
  t.deepEqual(grouped.events, []);
  t.deepEqual(new Set(grouped.grouping!.requests.map(request => request.id)), traces);
  t.deepEqual(await allEvents(queries, 'level>=error or exceptionType:*'), []);
});

corpusTest('a search around a time holds both ends of its window, and nothing outside', async t => {
  const folder = testFolder(t);
  await ingested([boutiqueContainers], folder);
  const { stdout } = await runCommand(['search', '*', '--around', '2022-08-22T05:20:17.086206556Z', '--window', '2s', '--limit', '10000', '--fields', 'timeNs', '--data-dir', folder]);
  const times = stdout.trim().split('\n').map(line => BigInt((JSON.parse(line) as { timeNs: string }).timeNs));
  const middle = 1_661_145_617_086_206_556n;
  const expected = (await allEvents(queriesOf(t, folder))).map(event => BigInt(event.timeNs)).filter(time => time >= middle - 2_000_000_000n && time <= middle + 2_000_000_000n);
  t.true(expected.includes(middle));
  t.deepEqual(times, expected.sort((a, b) => (a < b ? -1 : 1)));
});
