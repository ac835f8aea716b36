/** What two readers of the same events answer must be the same. */
import assert from 'node:assert/strict';
import type { CountRequest, StoreReader, WindowAnswer } from '#schemas/store.ts';
import { anyContext, comparable } from './made-up.ts';

const withoutWork = (answer: { scanned: unknown }): unknown => ({ ...answer, scanned: null });

export async function sameCounts(reader: StoreReader, oracle: StoreReader, range: CountRequest, valuesMax: number): Promise<void> {
  const { text } = range.query;
  assert.deepEqual(withoutWork(await reader.count(range, anyContext)), withoutWork(await oracle.count(range, anyContext)), text);
  for (const by of [null, 'level', 'service'] as const) {
    for (const stepMs of [1000, 60_000, 3_600_000]) {
      const request = { ...range, by, stepMs };
      assert.deepEqual(withoutWork(await reader.histogram(request, anyContext)), withoutWork(await oracle.histogram(request, anyContext)), `${text} by ${by ?? 'nothing'} in steps of ${stepMs} ms`);
    }
  }
  const request = { ...range, fields: ['level', 'service', 'code', 'id', 'tags', 'nothing'], valuesMax };
  for (const facets of [request, { ...request, fields: ['template', 'level', 'tags'], perService: true }]) {
    assert.deepEqual(withoutWork(await reader.facets(facets, anyContext)), withoutWork(await oracle.facets(facets, anyContext)), text);
  }
}

export async function sameAround(reader: StoreReader, oracle: StoreReader, eventId: string, lines: number): Promise<void> {
  for (const [id, before, after] of [[eventId, lines, 2], [eventId, 0, 0], [eventId, 1, lines], ['a:999999', 1, 1], ['nothing', 1, 1]] as const) {
    const [found, expected] = [await reader.around(id, before, after, anyContext), await oracle.around(id, before, after, anyContext)];
    assert.deepEqual(found?.events.map(comparable), expected?.events.map(comparable), `around ${id}`);
  }
}

/** Two windows that do not touch, with and without the look for lines without an id. */
export async function sameWindow(reader: StoreReader, oracle: StoreReader, fromNs: bigint, toNs: bigint): Promise<void> {
  const third = (toNs - fromNs) / 3n;
  const ranges = toNs - fromNs < 9n ? [{ fromNs, toNs }] : [{ fromNs, toNs: fromNs + third }, { fromNs: toNs - third, toNs }];
  const sorted = (answer: WindowAnswer): unknown => answer.parts.flatMap(part => part.rows.map(row => comparable(part.event(row)))).sort((a, b) => (a.eventId < b.eventId ? -1 : 1));
  for (const unlessAllHaveIds of [true, false]) {
    const [found, expected] = [await reader.window(ranges, unlessAllHaveIds, anyContext), await oracle.window(ranges, unlessAllHaveIds, anyContext)];
    assert.deepEqual(sorted(found), sorted(expected), `window ${fromNs} to ${toNs}`);
    assert.equal(found.truncated, false);
  }
}
