/**
 * What redaction costs: CPU per line of 240 bytes, by what is looked for and by how much there is of it, in chunks of 900 kB as the shipper makes
 * them; and a megabyte of the worst that was thought of. `node test/bench/redact.ts`
 */
import { zstdCompressSync } from 'node:zlib';
import { createRedaction } from '../../shipper/redact.ts';
import { adversarial } from '../shipper/redact-adversarial.ts';
import { percentile, report, type Figure } from './report.ts';

const lineBytes = 240;
const chunkBytes = 900_000;
const rounds = 40;
const redactKey = 'a key for the bench, long enough';
const linesOfChunk = Math.floor(chunkBytes / lineBytes);

type Line = (n: number) => string;
const access: Line = n => `10.2.${n % 250}.${n % 199} - - [22/Aug/2022:05:18:${String(n % 60).padStart(2, '0')} +0000] "GET /cart/${n}?sort=price&page=${n % 9} HTTP/1.1" 200 ${1000 + n} "https://shop.example/product/${n}" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"`;
const json: Line = n => `{"time":"2022-08-22T05:18:16.${String(n % 1000).padStart(3, '0')}Z","level":"info","service":"checkout","traceId":"4bf92f3577b34da6a3ce929d0e0e${String(n).padStart(4, '0').slice(-4)}","spanId":"00f067aa0ba902b7","msg":"order placed","items":${n % 17},"ms":${n % 301}`;
const leaks = [(n: number): string => ` password=hunter${n}`, (n: number): string => ` user${n}@mail.example`, (): string => ' 4111 1111 1111 1111'];

/** @param every how many lines there are to one that gives something away; 0 for none */
function chunk(line: Line, every: number, docker: boolean): Buffer {
  const lines: string[] = [];
  for (let n = 0; n < linesOfChunk; n += 1) {
    const leak = every > 0 && n % every === 0 ? leaks[(n / every) % leaks.length]!(n) : '';
    const isJson = line === json;
    const base = line(n) + (isJson ? `,"note":"${leak}` : leak);
    const size = lineBytes - 1 - (isJson ? 2 : 0) - (docker ? 70 : 0);
    const text = base.slice(0, size - leak.length - 1).padEnd(size, ' ').slice(0, size - leak.length) + (isJson ? '' : leak);
    const whole = isJson ? `${base.padEnd(size, '.').slice(0, size)}"}` : text;
    lines.push(docker ? JSON.stringify({ log: `${whole}\n`, stream: 'stdout', time: '2022-08-22T05:18:16.154772363Z' }) : whole);
  }
  return Buffer.from(`${lines.join('\n')}\n`);
}

/** Median CPU of a run over one chunk, microseconds for 240 bytes. */
function cost(run: (bytes: Buffer) => unknown, bytes: Buffer): number {
  for (let warm = 0; warm < 10; warm += 1) run(bytes);
  const perLine: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    for (let again = 0; again < 5; again += 1) run(bytes);
    const { user, system } = process.cpuUsage(before);
    perLine.push((((user + system) / 5) * lineBytes) / bytes.length);
  }
  return percentile(perLine, 0.5);
}

const inputs: [name: string, bytes: Buffer][] = [
  ['access log, clean', chunk(access, 0, false)],
  ['JSON, clean', chunk(json, 0, false)],
  ['docker JSON, clean', chunk(json, 0, true)],
  ['access log, 1 line in 100', chunk(access, 100, false)],
  ['access log, every line', chunk(access, 1, false)],
  ['JSON, every line', chunk(json, 1, false)],
];
const sets: [name: string, redact: string[]][] = [
  ['secrets', ['secrets']],
  ['cards', ['cards']],
  ['emails', ['emails']],
  ['all three', ['secrets', 'cards', 'emails']],
  ['a pattern of the user', ['/customer=([0-9]{6,})/']],
];

const figures: Figure[] = [];
for (const [input, bytes] of inputs) {
  const compression = cost(each => zstdCompressSync(each), bytes);
  for (const [name, redact] of sets) {
    const redaction = createRedaction({ redact, redactKey })!;
    figures.push({ what: `${input}: ${name}`, value: `${cost(each => redaction.redact(each), bytes).toFixed(2)} us a line`, beside: `zstd of the same ${compression.toFixed(2)}` });
  }
}
const all = createRedaction({ redact: ['secrets', 'cards', 'emails'], redactKey })!;
const worst = adversarial.map(unit => {
  const bytes = Buffer.alloc(1_000_000, unit);
  all.redact(bytes);
  const before = process.cpuUsage();
  all.redact(bytes);
  const { user, system } = process.cpuUsage(before);
  return { unit, ms: (user + system) / 1000 };
});
worst.sort((a, b) => b.ms - a.ms);
for (const { unit, ms } of worst.slice(0, 3)) figures.push({ what: `1 MB of \`${unit}\`: all three`, value: `${ms.toFixed(0)} ms`, beside: `worst of ${adversarial.length}` });
report('redact', figures);
