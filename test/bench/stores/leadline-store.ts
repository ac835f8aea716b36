import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { eventsFolder } from '#schemas/embedded/layout.ts';
import type { LogEvent } from '#schemas/event.ts';
import { defaultOptions } from '#schemas/options.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import type { ReadContext } from '#schemas/store.ts';
import { EmbeddedWriter } from '../../../collector/store/embedded-writer.ts';
import { Queries } from '../../../query/queries.ts';
import { EmbeddedReader } from '../../../query/store/embedded-reader.ts';
import { neverAborted } from '../../helpers/store.ts';
import { memoryMbOf } from '../measured-process.ts';
import { commonWord, rareWords, type StoreData } from '../store-data.ts';
import { medianMs, mustBe, spread, spreadOver, tookMs, type BenchStore, type Measured } from './bench-store.ts';

const context: ReadContext = { signal: neverAborted, budget: { eventsMax: Infinity, bytesMax: Infinity, msMax: Infinity } };
const everything = { fromNs: null, toNs: null };
const hourNs = 3_600_000_000_000n;

export class LeadlineStore implements BenchStore {
  readonly name = 'Leadline';
  private readonly dataDir: string;
  private readonly writer: EmbeddedWriter;
  private positions = 0;

  constructor(dataDir: string) {
    this.dataDir = dataDir;
    this.writer = new EmbeddedWriter({ ...defaultOptions(), dataDir, retentionBytesMax: 1e15, retentionMs: 1e14 });
  }

  append(events: LogEvent[]): void {
    this.positions += 1;
    this.writer.append({ events, states: [] }, [{ topicId: 'bench', partition: 0, recordOffset: String(this.positions) }], []);
  }

  settle(): number {
    return 0;
  }

  foreignCpuUs(): number {
    return 0;
  }

  async measure(data: StoreData): Promise<Measured> {
    const peak = memoryMbOf(process.pid, 'VmHWM')!;
    const bytes = readdirSync(eventsFolder(this.dataDir)).filter(name => name.endsWith('.db')).reduce((sum, name) => sum + statSync(join(eventsFolder(this.dataDir), name)).size, 0);
    const reader = new EmbeddedReader(this.dataDir);
    const queries = new Queries(reader, defaultOptions());
    const requests = spreadOver(data.sampled, 1000);
    const timelines = async (idOf: (request: (typeof requests)[number]) => string): Promise<string> => {
      const took: number[] = [];
      for (const request of requests) {
        took.push(await tookMs(async () => mustBe((await queries.timeline(idOf(request), { inferred: false }, neverAborted)).events.length, request.lines, `lines of ${idOf(request)}`)));
      }
      return spread(took);
    };
    await timelines(({ traceId }) => traceId);
    const warm = await timelines(({ traceId }) => traceId);
    const byRequestId = await timelines(({ requestId }) => requestId);
    const bySpan = await timelines(({ spanId }) => spanId);
    const unknown: number[] = [];
    for (const { traceId } of requests) unknown.push(await tookMs(async () => mustBe((await reader.ids([traceId.split('').reverse().join('')], context)).events.length, 0, 'an unknown id')));
    const newestNs = BigInt(data.nowMs) * 1_000_000n;
    const rare = parseQuery(rareWords);
    const common = parseQuery(commonWord);
    const measured: Measured = {
      'B an event on disk': (bytes / data.count).toFixed(1),
      'peak memory, MB': peak.toFixed(0),
      'trace id -> timeline, ms': warm,
      'request id -> timeline, ms': byRequestId,
      'span id -> timeline, ms': bySpan,
      'unknown id, ms': spread(unknown),
      'the same, cold, ms': await this.cold(requests),
      'rare word, all counted, ms': await medianMs(5, async () => mustBe((await reader.count({ query: rare, ...everything }, context)).count, data.rare, 'rare words')),
      'rare word, newest 100, ms': await medianMs(5, () => reader.events({ query: rare, ...everything, limit: 100, cursor: null }, context)),
      'rare word, last hour, ms': await medianMs(5, () => reader.events({ query: rare, fromNs: newestNs - hourNs, toNs: null, limit: 100, cursor: null }, context)),
      'common word, newest 100, ms': await medianMs(5, async () => mustBe((await reader.events({ query: common, ...everything, limit: 100, cursor: null }, context)).events.length, 100, 'common words')),
      'common word, last hour counted, ms': await medianMs(5, () => reader.count({ query: common, fromNs: newestNs - hourNs, toNs: null }, context)),
      'newest 100 errors, ms': await medianMs(5, () => reader.events({ query: parseQuery('level>=error'), ...everything, limit: 100, cursor: null }, context)),
      'errors, all counted, ms': await medianMs(5, async () => mustBe((await reader.count({ query: parseQuery('level>=error'), ...everything }, context)).count, data.errors, 'errors')),
      'histogram by level, ms': await medianMs(5, async () => mustBe((await reader.histogram({ query: parseQuery(''), ...everything, stepMs: 3_600_000, by: 'level' }, context)).bars.reduce((sum, { count }) => sum + count, 0), data.count, 'events of the histogram')),
    };
    await reader.close();
    return { ...measured, 'append of 50 events beside a long scan, ms': await this.besideScan(data) };
  }

  /** What a small commit takes while another thread looks through everything. */
  private async besideScan(data: StoreData): Promise<string> {
    const scanner = new Worker(new URL('./scanner.ts', import.meta.url), { workerData: this.dataDir });
    await once(scanner, 'message');
    const took: number[] = [];
    for (let n = 0; n < 100; n++) {
      const events = data.batch(50);
      took.push(await tookMs(() => this.append(events)));
      await pause(20);
    }
    await scanner.terminate();
    return spread(took);
  }

  close(): void {
    this.writer.close();
  }

  /** Each with files that are in nobody's memory. */
  private async cold(requests: readonly { traceId: string; lines: number }[]): Promise<string> {
    const took: number[] = [];
    for (const { traceId, lines } of spreadOver(requests, 20)) {
      for (const name of readdirSync(eventsFolder(this.dataDir))) execFileSync('dd', [`if=${join(eventsFolder(this.dataDir), name)}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
      const reader = new EmbeddedReader(this.dataDir);
      const queries = new Queries(reader, defaultOptions());
      took.push(await tookMs(async () => mustBe((await queries.timeline(traceId, { inferred: false }, neverAborted)).events.length, lines, `lines of ${traceId}`)));
      await reader.close();
    }
    return spread(took);
  }
}
