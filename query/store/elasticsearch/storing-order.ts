/**
 * Documents of a data stream in the order of storing: backing index after backing index, in each by the number that its shard gave every write.
 *
 * Writes of a shard run side by side, so a later number can be seen before an earlier one. Read is only up to the number below which all are carried out,
 * after a refresh that came later than that.
 */
import { pathOf } from '#lib/elasticsearch/server.ts';
import { generationOf } from '#schemas/elasticsearch/backing-indices.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { ReadContext } from '#schemas/store.ts';
import type { ReadWork } from '../read-work.ts';
import type { Hit, Searcher } from './searcher.ts';

export interface OrderedPage<T> {
  found: T[];
  cursors: string[];
  cursor: string;
  atEnd: boolean;
}

/** How far each shard of a generation was read, and of the one before, where a write may still come in after the next was begun. */
interface Place {
  generation: number;
  seqNos: number[];
  before: number[];
}

interface Shards {
  index: string;
  generation: number;
  /** Per shard: all writes up to this number are carried out, and can be found. */
  visible: number[];
}

const start: Place = { generation: 0, seqNos: [], before: [] };
const pageSize = 500;

export class StoringOrder {
  private readonly searcher: Searcher;
  private readonly dataStream: string;
  /** Pause between two refreshes that are asked for. */
  private readonly refreshIntervalMs: number;
  private readonly refreshed = new Map<string, { atMs: number; visible: number[] }>();

  constructor(searcher: Searcher, dataStream: string, refreshIntervalMs: number) {
    this.searcher = searcher;
    this.dataStream = dataStream;
    this.refreshIntervalMs = refreshIntervalMs;
  }

  /** Behind everything that can be found now. */
  async end(context: ReadContext): Promise<string> {
    const shards = await this.shards(context, 0);
    const last = shards.at(-1);
    return last === undefined ? writePlace(start) : writePlace({ generation: last.generation, seqNos: last.visible, before: shards.at(-2)?.visible ?? [] });
  }

  /**
   * @param cursor `0` for the beginning
   * @param accept what becomes of a document, or null where it does not count
   * @throws LeadlineError BAD_CURSOR
   */
  async read<D, T>(cursor: string, filter: object, accept: (hit: Hit<D>) => T | null, limit: number, work: ReadWork, context: ReadContext): Promise<OrderedPage<T>> {
    const place = readPlace(cursor);
    const page: OrderedPage<T> = { found: [], cursors: [], cursor, atEnd: false };
    const shards = await this.shards(context, place.generation);
    for (const [at, { index, generation, visible }] of shards.entries()) {
      if (generation < place.generation) {
        // The one before: only what came in late.
        if (at + 1 >= shards.length || shards[at + 1]!.generation < place.generation) continue;
        if (!(await this.readIndex(index, visible, place, place.before, page, filter, accept, limit, work, context))) return page;
        continue;
      }
      if (generation > place.generation) Object.assign(place, { generation, before: place.generation === 0 ? [] : place.seqNos, seqNos: [] });
      if (!(await this.readIndex(index, visible, place, place.seqNos, page, filter, accept, limit, work, context))) return page;
    }
    return { ...page, cursor: writePlace(place), atEnd: true };
  }

  /** Moves `seqNos`, which is of `place`, on. False where the page is full or the budget used up. */
  private async readIndex<D, T>(index: string, visible: readonly number[], place: Place, seqNos: number[], page: OrderedPage<T>, filter: object, accept: (hit: Hit<D>) => T | null, limit: number, work: ReadWork, context: ReadContext): Promise<boolean> {
    for (const [shard, to] of visible.entries()) {
      for (;;) {
        const from = seqNos[shard] ?? -1;
        if (from >= to) break;
        page.cursor = writePlace(place);
        if (page.found.length >= limit || !(await work.goesOn())) return false;
        const range = { range: { _seq_no: { gt: from, lte: to } } };
        const answer = await this.searcher.search<D>(index, { size: pageSize, sort: [{ _seq_no: 'asc' }], seq_no_primary_term: true, query: { bool: { filter: [range, filter] } } }, work, context, `_shards:${shard}`);
        if (answer === null) return false;
        const { hits } = answer.hits;
        work.scannedEvents(hits.length, 0);
        for (const hit of hits) {
          if (page.found.length >= limit) return false;
          seqNos[shard] = hit._seq_no!;
          const found = accept(hit);
          page.cursor = writePlace(place);
          if (found === null) continue;
          page.found.push(found);
          page.cursors.push(page.cursor);
        }
        if (hits.length < pageSize) seqNos[shard] = to;
      }
    }
    page.cursor = writePlace(place);
    return true;
  }

  /** Backing indices from the one before `generation` on. */
  private async shards(context: ReadContext, generation: number): Promise<Shards[]> {
    const { signal } = context;
    const indices = await this.searcher.backingIndices(this.dataStream, signal);
    const first = indices.findIndex(index => generationOf(index) >= generation);
    const wanted = indices.slice(Math.max(0, first - 1));
    if (first < 0 || wanted.length === 0) return [];
    const nowMs = performance.now();
    const stale = wanted.filter(index => nowMs - (this.refreshed.get(index)?.atMs ?? -Infinity) >= this.refreshIntervalMs);
    if (stale.length > 0) {
      const checkpoints = await this.checkpoints(stale, context);
      // What was seen before is still so where nothing was written.
      const changed = stale.filter(index => String(this.refreshed.get(index)?.visible) !== String(checkpoints.get(index)));
      if (changed.length > 0) await this.refresh(changed, context);
      for (const index of stale) this.refreshed.set(index, { atMs: nowMs, visible: checkpoints.get(index) ?? [] });
    }
    for (const index of this.refreshed.keys()) if (!indices.includes(index)) this.refreshed.delete(index);
    return wanted.map(index => ({ index, generation: generationOf(index), visible: this.refreshed.get(index)!.visible }));
  }

  /** @throws LeadlineError where a part may still not show what was carried out */
  private async refresh(indices: readonly string[], { signal }: ReadContext): Promise<void> {
    const answer = await this.searcher.ask({ method: 'POST', path: pathOf(indices.join(','), '_refresh'), query: { ignore_unavailable: true }, signal }, 'refresh');
    const failed = (answer.body as { _shards?: { failed?: number } } | null)?._shards?.failed;
    if (failed !== 0) throw this.searcher.notTheServers('refresh');
  }

  private async checkpoints(indices: readonly string[], { signal }: ReadContext): Promise<Map<string, number[]>> {
    const answer = await this.searcher.ask({ method: 'GET', path: pathOf(indices.join(','), '_stats', 'docs'), query: { level: 'shards', ignore_unavailable: true, filter_path: 'indices.*.shards.*.seq_no,indices.*.shards.*.routing.primary' }, signal }, 'read how far writes are carried out');
    const body = answer.body as { indices?: Record<string, { shards: Record<string, { routing: { primary: boolean }; seq_no: { global_checkpoint: number } }[]> }> };
    return new Map(
      Object.entries(body.indices ?? {}).map(([index, { shards }]) => {
        const visible: number[] = [];
        for (const [shard, copies] of Object.entries(shards)) visible[Number(shard)] = copies.find(({ routing }) => routing.primary)?.seq_no.global_checkpoint ?? -1;
        return [index, Array.from(visible, seqNo => seqNo ?? -1)];
      }),
    );
  }
}

function writePlace({ generation, seqNos, before }: Place): string {
  return [String(generation), Array.from(seqNos, seqNo => seqNo ?? -1).join(','), before.join(',')].join('.');
}

function readPlace(cursor: string): Place {
  if (cursor === '0') return { generation: 0, seqNos: [], before: [] };
  const parts = /^(\d+)\.((?:-?\d+(?:,-?\d+)*)?)\.((?:-?\d+(?:,-?\d+)*)?)$/.exec(cursor);
  if (parts === null) throw new LeadlineError('BAD_CURSOR', { value: cursor });
  const numbers = (text: string): number[] => (text === '' ? [] : text.split(',').map(Number));
  return { generation: Number(parts[1]), seqNos: numbers(parts[2]!), before: numbers(parts[3]!) };
}
