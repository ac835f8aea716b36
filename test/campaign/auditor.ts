/**
 * The independent auditor: sees the files (their bytes as the writers kept them) and the topic, and nothing of what shipper or collector say of
 * themselves. Of every file it says whether the records cover all of its bytes, and whether they are these bytes.
 */
import { zstdDecompressSync } from 'node:zlib';
import { addRange, sizeOf, subtractRanges, type ByteRange } from '#lib/byte-ranges.ts';
import { firstNumbered, lastNumbered, Lives } from './lives.ts';
import { readTopic, type TopicRecord } from './topic-records.ts';
import type { Life } from './writer-protocol.ts';

interface AuditedStream {
  streamId: string;
  source: string;
  life: Life | null;
  covered: ByteRange[];
  gaps: ByteRange[];
  closed: boolean;
  /** Records seen before it was clear which file it is. */
  early: TopicRecord[];
}

interface AuditedSource {
  partitions: Set<number>;
  lastNumber: number;
}

export class Auditor {
  readonly lives: Lives;
  readonly #streams = new Map<string, AuditedStream>();
  readonly #sources = new Map<string, AuditedSource>();
  /** What is wrong, a sentence each. */
  readonly findings: string[] = [];
  records = 0;
  chunkBytes = 0;
  repeatedBytes = 0;

  constructor(historyFolder: string) {
    this.lives = new Lives(historyFolder);
  }

  async read(brokers: readonly string[], topic: string): Promise<void> {
    this.records = await readTopic(brokers, topic, record => this.add(record));
  }

  add(record: TopicRecord): void {
    const { headers } = record;
    const streamId = headers['ll-stream']!;
    let stream = this.#streams.get(streamId);
    if (stream === undefined) this.#streams.set(streamId, (stream = { streamId, source: record.key, life: null, covered: [], gaps: [], closed: false, early: [] }));
    let source = this.#sources.get(record.key);
    if (source === undefined) this.#sources.set(record.key, (source = { partitions: new Set(), lastNumber: 0 }));
    source.partitions.add(record.partition);
    const range = { from: Number(headers['ll-offset']), to: Number(headers['ll-end']) };
    if (headers['ll-close'] === '1') stream.closed = true;
    else if (headers['ll-gap'] !== undefined) stream.gaps = addRange(stream.gaps, range);
    else if (headers['ll-idle'] !== '1') this.#addLines(record, range, stream, source);
  }

  #addLines(record: TopicRecord, range: ByteRange, stream: AuditedStream, source: AuditedSource): void {
    const value = record.headers['ll-codec'] === 'zstd' ? zstdDecompressSync(record.value) : record.value;
    const length = range.to - range.from;
    this.chunkBytes += length;
    if (value.length !== length) this.findings.push(`${stream.streamId} [${range.from}, ${range.to}): the value has ${value.length} bytes`);
    if (stream.life === null && range.from === 0) {
      const start = firstNumbered(value);
      stream.life = start === null ? null : this.lives.beginningWith(start);
    }
    if (stream.life !== null && !this.lives.bytes(stream.life, range.from, range.to).equals(value)) this.findings.push(`${stream.streamId} [${range.from}, ${range.to}): other bytes than ${stream.life.kept} has there`);
    const fresh = subtractRanges(range, stream.covered);
    this.repeatedBytes += length - sizeOf(fresh);
    stream.covered = addRange(stream.covered, range);
    // What comes for the first time comes in the order in which the source wrote it, over all of its files.
    for (const { from, to } of fresh) {
      const bytes = value.subarray(from - range.from, to - range.from);
      const first = firstNumbered(bytes);
      if (first === null) continue;
      const number = Number(first.split(' ')[1]);
      if (number <= source.lastNumber) this.findings.push(`${record.key}: line ${number} (${stream.streamId} at ${from}) comes behind line ${source.lastNumber}`);
      source.lastNumber = Math.max(source.lastNumber, lastNumbered(bytes) ?? 0);
    }
  }

  /** What can only be said when all is read. @param balances per streamId, what the shippers say of themselves */
  close(balances: ReadonlyMap<string, { writtenBytes: number; acknowledgedBytes: number }>): void {
    const streamsOf = Map.groupBy(this.#streams.values(), stream => stream.life);
    for (const life of this.lives.all) {
      if (life.bytes === 0) continue;
      const streams = streamsOf.get(life) ?? [];
      if (streams.length > 1) this.findings.push(`${life.kept} was shipped as ${streams.map(({ streamId }) => streamId).join(' and ')}`);
      const missing = subtractRanges({ from: 0, to: life.bytes }, streams.flatMap(stream => stream.covered));
      if (missing.length > 0 && !life.harsh) this.findings.push(`${life.kept} (${life.path}, inode ${life.inode}): of ${life.bytes} bytes ${missing.map(({ from, to }) => `[${from}, ${to})`).join(' ')} are in no record`);
    }
    for (const stream of streamsOf.get(null) ?? []) if (stream.covered.length > 0) this.findings.push(`${stream.streamId} (${stream.source}): ${sizeOf(stream.covered)} bytes that are no file's beginning`);
    for (const [source, { partitions }] of this.#sources) if (partitions.size > 1) this.findings.push(`${source} went to partitions ${[...partitions].join(', ')}`);
    for (const stream of this.#streams.values()) {
      const balance = balances.get(stream.streamId);
      if (balance === undefined) continue;
      const covered = sizeOf(stream.covered);
      if (balance.acknowledgedBytes !== covered) this.findings.push(`${stream.streamId}: the shipper says ${balance.acknowledgedBytes} bytes are acknowledged, the topic has ${covered}`);
      if (stream.life !== null && !stream.life.harsh && balance.writtenBytes !== stream.life.bytes) this.findings.push(`${stream.streamId}: the shipper says ${balance.writtenBytes} bytes were written, ${stream.life.kept} has ${stream.life.bytes}`);
    }
  }

  get streams(): number {
    return this.#streams.size;
  }

  get gapBytes(): number {
    return [...this.#streams.values()].reduce((sum, { gaps }) => sum + sizeOf(gaps), 0);
  }

  /** Gap records for bytes that are in other records, or for files whose bytes were not destroyed unread. */
  get needlessGaps(): string[] {
    return [...this.#streams.values()].flatMap(({ streamId, life, gaps, covered }) => gaps.filter(gap => life?.harsh !== true || subtractRanges(gap, covered).length === 0).map(gap => `${streamId} [${gap.from}, ${gap.to}) of ${life?.kept ?? 'an unknown file'}`));
  }
}
