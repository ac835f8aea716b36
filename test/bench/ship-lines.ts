/**
 * The lines of the shipping benches: what a service says of its requests, 240 bytes each and the newline, the same at every run. Time, level,
 * service, a random request id with six lines, a sequence number, path, status, duration, and a sentence from a few dozen templates: zstd makes about
 * a seventh of them, as of real logs.
 */
import { closeSync, existsSync, openSync, renameSync, statSync, writeSync } from 'node:fs';

/** Without the newline. */
export const lineBytes = 240;
const linesPerRequest = 6;
const services = ['frontend', 'cart', 'checkout', 'payment', 'shipping', 'catalogue', 'email', 'recommendation'];
const routes = ['/api/v1/carts/{n}/items', '/api/v1/products/{n}', '/api/v1/orders/{n}', '/api/v1/checkout', '/api/v1/shipping/quotes?cart={n}', '/healthz', '/api/v1/recommendations?product={n}', '/static/img/products/{n}.jpg'];
const methods = ['GET', 'GET', 'GET', 'GET', 'POST', 'PUT'];
const sentences = [
  'request received from upstream proxy {n}.{n}.{n}.{n}',
  'looked up product {n} in catalogue cache, {n} of {n} keys present',
  'cart {n} loaded with {n} items worth {n} minor units',
  'charging card ending {n} through gateway {n}, attempt {n}',
  'query took {n} us and returned {n} rows from shard {n}',
  'calling shipping for a quote, parcel of {n} g to zone {n}',
  'publishing order {n} to the outbox, position {n}',
  'response of {n} bytes sent, connection {n} kept alive',
  'retrying call to inventory after {n} ms, circuit closed, {n} in flight',
  'session {n} renewed for another {n} s by policy {n}',
];
const padding = ' thread=worker-pool-http-exec build=2026.11.3+4f9d2c1 region=eu-central zone=b shard=primary runtime=container deployment=stable canary=false tracing=on sampled=true feature=checkout-v2 release=green platform=linux';

/** A small generator of numbers with a seed (mulberry32), in `[0, 2^32)`. */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** Lines one after the other, without newline. `stamp` is the text that stands for the time: by default one that grows by 0.1 ms a line. */
export class LineMaker {
  readonly #next: () => number;
  #request = '';
  #requestLines = 0;
  #sequence: number;

  constructor(firstSequence = 0, seed = 4711) {
    this.#next = seededNumbers(seed + firstSequence);
    this.#sequence = firstSequence;
  }

  line(stamp: string = stampOf(1_795_000_000_000 + this.#sequence / 10)): string {
    if (this.#requestLines === 0) {
      this.#request = uuidOf(this.#next(), this.#next(), this.#next(), this.#next());
      this.#requestLines = linesPerRequest;
    }
    this.#requestLines -= 1;
    const chance = this.#next();
    const level = chance % 50 === 0 ? 'ERROR' : chance % 17 === 0 ? 'WARN ' : 'INFO ';
    const status = chance % 50 === 0 ? 500 + ((chance >>> 8) % 5) : chance % 23 === 0 ? 404 : 200;
    const text = `${stamp} ${level} ${pick(services, chance >>> 4)} [${this.#request}] seq=${String(this.#sequence++).padStart(8, '0')} ${pick(methods, chance >>> 7)} ${this.#fill(pick(routes, chance >>> 10))} status=${status} durationUs=${this.#next() % 300_000} ${this.#fill(pick(sentences, chance >>> 16))}`;
    return (text + padding).slice(0, lineBytes).padEnd(lineBytes, '.');
  }

  #fill(template: string): string {
    return template.replaceAll('{n}', () => String(this.#next() % 1000));
  }
}

function pick(words: readonly string[], chance: number): string {
  return words[chance % words.length]!;
}

function uuidOf(a: number, b: number, c: number, d: number): string {
  const hex = [a, b, c, d].map(part => part.toString(16).padStart(8, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

function stampOf(ms: number): string {
  return `${new Date(Math.floor(ms)).toISOString().slice(0, -1)}${String(Math.floor((ms % 1) * 1000)).padStart(3, '0')}Z`;
}

/** A time with microseconds, of a fixed width, that `writeTimeOf` reads back. */
export function writeStamp(ms: number): string {
  return `t=${ms.toFixed(3).padStart(17, '0')}`;
}

/** Milliseconds since the epoch, from a line that begins with a `writeStamp`. */
export function writeTimeOf(line: Buffer): number {
  return Number(line.toString('latin1', 2, 19));
}

/** As docker's json-file driver writes it. */
export function dockerFramed(line: string): string {
  return `{"log":${JSON.stringify(`${line}\n`)},"stream":"stdout","time":"${line.slice(0, 26)}000Z"}`;
}

export type LineFraming = 'plain' | 'docker';

/** Writes the file unless it is there from an earlier run. */
export function writeLines(path: string, lines: number, framing: LineFraming): void {
  if (existsSync(path) && (framing === 'docker' || statSync(path).size === lines * (lineBytes + 1))) return;
  const maker = new LineMaker();
  const partial = `${path}.partial`;
  const file = openSync(partial, 'w');
  let text: string[] = [];
  for (let index = 0; index < lines; index++) {
    const line = maker.line();
    text.push(framing === 'docker' ? dockerFramed(line) : line);
    if (text.length < 10_000 && index < lines - 1) continue;
    writeSync(file, `${text.join('\n')}\n`);
    text = [];
  }
  closeSync(file);
  renameSync(partial, path);
}

const sequenceMark = Buffer.from(' seq=');

/** The sequence number in a line's bytes, or -1 where there is none. */
export function sequenceOf(bytes: Buffer): number {
  const at = bytes.indexOf(sequenceMark);
  return at < 0 ? -1 : Number(bytes.toString('latin1', at + sequenceMark.length, at + sequenceMark.length + 8));
}

/** Which of the lines 0 .. lines-1 were seen, and how often one came again. */
export class SeenLines {
  readonly #seen: Uint8Array;
  seen = 0;
  again = 0;
  strange = 0;

  constructor(lines: number) {
    this.#seen = new Uint8Array(lines);
  }

  add(sequence: number): void {
    if (!(sequence >= 0 && sequence < this.#seen.length)) this.strange += 1;
    else if (this.#seen[sequence] === 0) {
      this.#seen[sequence] = 1;
      this.seen += 1;
    } else this.again += 1;
  }

  get missing(): number {
    return this.#seen.length - this.seen;
  }
}
