/**
 * `npm run bench:choices`: what each step of shipping costs by itself, and what the other ways to do it would: reads, chunk sizes, compression in the
 * loop, in the thread pool and in a worker, checksums, framing. CPU of all threads, in us for a line of 240 bytes; no broker.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { constants, gzipSync, zstdCompress, zstdCompressSync } from 'node:zlib';
import { crc32c } from '#lib/kafka/crc32c.ts';
import { defaultOptions } from '#schemas/options.ts';
import { noOpenPieces, openPiecesAfter } from '../../shipper/framing.ts';
import { percentile, reportTable } from './report.ts';
import { dockerFramed, lineBytes, LineMaker, writeLines } from './ship-lines.ts';

const lines = 600_000;
const rounds = 5;
const { chunkBytesMax } = defaultOptions();
const inPool = promisify(zstdCompress);
const zstd = (level: number): { params: Record<number, number> } => ({ params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 } });

if (isMainThread) await measure();
else {
  parentPort!.on('message', (bytes: Uint8Array<ArrayBuffer>) => {
    const value = zstdCompressSync(bytes, zstd(1));
    parentPort!.postMessage({ bytes, made: value.length }, [bytes.buffer]);
  });
}

interface Row {
  step: string;
  usPerLine: number;
  wallUsPerLine: number;
  ratio: string;
  used: string;
}

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'leadline-bench-'));
  const file = join(folder, 'plain.log');
  writeLines(file, lines, 'plain');
  const plain = readFileSync(file);
  const rows: Row[] = [];

  /** `run` goes over all lines once. @returns bytes it made, or 0 */
  async function row(step: string, used: string, run: () => number | Promise<number>): Promise<void> {
    await run();
    const cpu: number[] = [];
    const wall: number[] = [];
    let made = 0;
    for (let round = 0; round < rounds; round += 1) {
      const before = process.cpuUsage();
      const began = performance.now();
      made = await run();
      const { user, system } = process.cpuUsage(before);
      wall.push(((performance.now() - began) * 1000) / lines);
      cpu.push((user + system) / lines);
    }
    rows.push({ step, used, usPerLine: percentile(cpu, 0.5), wallUsPerLine: percentile(wall, 0.5), ratio: made === 0 ? '' : (made / plain.length).toFixed(3) });
    process.stderr.write(`${step}: ${rows.at(-1)!.usPerLine.toFixed(3)} us\n`);
  }

  for (const readBytes of [64 * 1024, 256 * 1024, chunkBytesMax, 4_000_000]) {
    const buffer = Buffer.allocUnsafeSlow(readBytes);
    await row(`read ${kB(readBytes)} at a time, and find the last newline`, readBytes === chunkBytesMax ? 'yes' : '', () => {
      const fd = openSync(file, 'r');
      for (let at = 0; ; ) {
        const got = readSync(fd, buffer, 0, readBytes, at);
        if (got === 0) break;
        at += buffer.subarray(0, got).lastIndexOf(10) + 1;
      }
      closeSync(fd);
      return 0;
    });
  }
  for (const chunkBytes of [64 * 1024, 256 * 1024, chunkBytesMax]) {
    await row(`zstd level 1, ${kB(chunkBytes)} chunks, in the loop`, chunkBytes === chunkBytesMax ? 'yes' : '', () => sum(chunksOf(plain, chunkBytes), chunk => zstdCompressSync(chunk, { ...zstd(1), chunkSize: (chunk.length >> 2) + 256 }).length));
  }
  for (const level of [-5, 2, 3]) await row(`zstd level ${level}, ${kB(chunkBytesMax)} chunks, in the loop`, '', () => sum(chunksOf(plain, chunkBytesMax), chunk => zstdCompressSync(chunk, { ...zstd(level), chunkSize: (chunk.length >> 1) + 256 }).length));
  await row(`zstd level 1, ${kB(chunkBytesMax)} chunks, Node's output pieces of 16 KiB`, '', () => sum(chunksOf(plain, chunkBytesMax), chunk => zstdCompressSync(chunk, zstd(1)).length));
  await row(`zstd level 1, ${kB(chunkBytesMax)} chunks, in the thread pool, one at a time`, '', async () => {
    let made = 0;
    for (const chunk of chunksOf(plain, chunkBytesMax)) made += (await inPool(chunk, zstd(1))).length;
    return made;
  });
  await row(`zstd level 1, ${kB(chunkBytesMax)} chunks, in the thread pool, four at a time`, '', async () => {
    let made = 0;
    const chunks = [...chunksOf(plain, chunkBytesMax)];
    for (let at = 0; at < chunks.length; at += 4) for (const value of await Promise.all(chunks.slice(at, at + 4).map(chunk => inPool(chunk, zstd(1))))) made += value.length;
    return made;
  });
  const worker = new Worker(new URL(import.meta.url));
  await row(`zstd level 1, ${kB(chunkBytesMax)} chunks, in a worker, two under way`, '', () => inWorker(worker, plain));
  await worker.terminate();
  await row(`gzip level 1, ${kB(chunkBytesMax)} chunks`, '', () => sum(chunksOf(plain, chunkBytesMax), chunk => gzipSync(chunk, { level: 1 }).length));
  const { lz4Compress, crc32c: wasmCrc } = createRequire(import.meta.url)('@platformatic/wasm-utils') as { lz4Compress: (bytes: Buffer) => Uint8Array; crc32c: (bytes: Buffer) => number };
  await row(`lz4 in WebAssembly, ${kB(chunkBytesMax)} chunks`, 'on request', () => sum(chunksOf(plain, chunkBytesMax), chunk => lz4Compress(chunk).length));
  const values = [...chunksOf(plain, chunkBytesMax)].map(chunk => zstdCompressSync(chunk, zstd(1)));
  await row('CRC-32C of the compressed chunks, sixteen bytes a step', 'yes', () => sum(values, value => crc32c(value)) * 0);
  await row('CRC-32C of the compressed chunks, WebAssembly', '', () => sum(values, value => wasmCrc(value)) * 0);
  await row('CRC-32C of the lines uncompressed, sixteen bytes a step', 'where nothing compresses', () => crc32c(plain) * 0);
  const maker = new LineMaker();
  const some = Array.from({ length: 3000 }, () => maker.line());
  const docker = Buffer.from(some.map(line => `${dockerFramed(line)}\n`).join(''));
  const cri = Buffer.from(some.map(line => `${line.slice(0, 26)}Z stdout F ${line}\n`).join(''));
  for (const [name, bytes] of [['docker', docker], ['cri', cri]] as const) await row(`open pieces of ${name} chunks, one output`, 'yes', () => sum(Array.from({ length: lines / some.length }, () => bytes), each => openPiecesAfter(each, 0, name, noOpenPieces).stdout * 0));
  rmSync(folder, { recursive: true });
  reportTable(
    'choices',
    ['step', 'us CPU a line', 'us wall a line', 'compressed to', 'what we do'],
    rows.map(({ step, usPerLine, wallUsPerLine, ratio, used }) => [step, usPerLine.toFixed(3), wallUsPerLine.toFixed(3), ratio, used]),
    [`${lines} lines of ${lineBytes} bytes, in memory but for the reads (page cache warm); median of ${rounds}. CPU is user and system time of the whole process, all threads.`],
  );
}

function* chunksOf(bytes: Buffer, chunkBytes: number): Generator<Buffer> {
  for (let from = 0; from < bytes.length; ) {
    const to = from + chunkBytes >= bytes.length ? bytes.length : bytes.lastIndexOf(10, from + chunkBytes - 1) + 1;
    yield bytes.subarray(from, to);
    from = to;
  }
}

function sum<T>(items: Iterable<T>, of: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += of(item);
  return total;
}

/** Chunks go and come back as transferred memory, as a design with a compressing thread would do it. */
function inWorker(worker: Worker, plain: Buffer): Promise<number> {
  const chunks = chunksOf(plain, chunkBytesMax);
  const free = [new Uint8Array(chunkBytesMax), new Uint8Array(chunkBytesMax)];
  let made = 0;
  let underWay = 0;
  return new Promise(resolve => {
    const feed = (): void => {
      while (free.length > 0) {
        const next = chunks.next();
        if (next.done === true) break;
        const buffer = free.pop()!.buffer;
        const bytes = new Uint8Array(buffer, 0, next.value.length);
        bytes.set(next.value);
        underWay += 1;
        worker.postMessage(bytes, [buffer]);
      }
      if (underWay === 0) {
        worker.off('message', onMessage);
        resolve(made);
      }
    };
    const onMessage = (answer: { bytes: Uint8Array<ArrayBuffer>; made: number }): void => {
      underWay -= 1;
      made += answer.made;
      free.push(new Uint8Array(answer.bytes.buffer));
      feed();
    };
    worker.on('message', onMessage);
    feed();
  });
}

function kB(bytes: number): string {
  return `${Math.round(bytes / 1000)} kB`;
}
