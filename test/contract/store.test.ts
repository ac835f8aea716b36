import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoreReader } from '#schemas/store.ts';
import { EmbeddedWriter, type EmbeddedWriterOptions } from '../../collector/store/embedded-writer.ts';
import { EmbeddedReader } from '../../query/store/embedded-reader.ts';
import { MemoryReader, MemoryStore } from '../helpers/memory-store.ts';
import { noonMs } from './made-up.ts';
import { eventStoreContract, type OpenStore, type StoreUnderTest } from './store.ts';
import { unfinishedLinesContract } from './unfinished-lines.ts';

function openMemory(): StoreUnderTest {
  const writer = new MemoryStore();
  return { writer, reader: new MemoryReader(writer), restart: () => undefined, setNowMs: () => undefined, close: () => Promise.resolve() };
}

const openEmbedded = (given: Partial<EmbeddedWriterOptions>) => (): StoreUnderTest => {
  const dataDir = mkdtempSync(join(tmpdir(), 'leadline-test-'));
  let nowMs = noonMs;
  const options: EmbeddedWriterOptions = { dataDir, commitEventsMax: 4096, commitBytesMax: 1 << 19, fileBytesMax: 1 << 30, retentionMs: 7 * 86_400_000, retentionBytesMax: 1 << 30, durable: false, nowMs: () => nowMs, ...given };
  let writer = new EmbeddedWriter(options);
  // One reader over all restarts and files, as in a server.
  const reader: StoreReader = new EmbeddedReader(dataDir);
  return {
    get writer() {
      return writer;
    },
    reader,
    restart() {
      writer.close();
      writer = new EmbeddedWriter(options);
    },
    setNowMs(ms) {
      nowMs = ms;
    },
    async close() {
      await reader.close();
      writer.close();
      rmSync(dataDir, { recursive: true });
    },
  };
};

const stores: [name: string, open: OpenStore, historyRuns: number][] = [
  ['oracle', openMemory, 20],
  ['embedded', openEmbedded({}), 80],
  ['embedded, rows sealed at 3 events', openEmbedded({ commitEventsMax: 3 }), 100],
  ['embedded, a new file for nearly every commit', openEmbedded({ commitEventsMax: 5, fileBytesMax: 1 }), 40],
];
for (const [name, open, historyRuns] of stores) {
  eventStoreContract(name, open, historyRuns);
  unfinishedLinesContract(name, open);
}
