/**
 * `npm run bench:bounded`: what grows with what. A collector's memory, as `leadline collect` runs it, while ten million lines come of which each has a
 * request id of its own; while a hundred thousand requests are at work at a time; and while there are more templates than it keeps.
 *
 *     node test/bench/bounded.ts [--ids 10m] [--no-report]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { RunningCollect } from '../helpers/collecting.ts';
import { TestKafka } from '../helpers/kafka.ts';
import { fillTopic, type WrittenLine } from './full-topic.ts';
import { memoryMbOf } from './measured-process.ts';
import { report, type Figure } from './report.ts';

const { values } = parseArgs({ options: { ids: { type: 'string', default: '10m' }, 'no-report': { type: 'boolean', default: false } } });
const ids = Number(values.ids.replace(/m$/, '')) * (values.ids.endsWith('m') ? 1e6 : 1);
const services = 12;
const openRequests = 100_000;
const linesPerRequest = 10;
/** More than the 20,000 of a service, and together more than the 200,000 of all. */
const templatesPerService = 25_000;

let state = 7n;
/** 64 random bits as hex (an LCG's high bits). */
function randomHex(): string {
  state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
  return (state ^ (state >> 29n)).toString(16).padStart(16, '0');
}

const newId = (): string => randomHex() + randomHex();

/** A number in the letters g to p, which no mask takes for a value. */
const wordOf = (number: number): string => Array.from(String(number), digit => String.fromCharCode(0x67 + Number(digit))).join('');

let lineNumber = 0;
function lineOf(service: number, requestId: string, msg: string): WrittenLine {
  const timeMs = Date.UTC(2026, 0, 1) + Math.floor(lineNumber++ / 10);
  const name = `service-${service}`;
  const raw = Buffer.from(JSON.stringify({ time: new Date(timeMs).toISOString(), level: 'info', msg, requestId }));
  return { source: `bench/${name}-0/${name}`, streamId: `0${service.toString(16)}`.padStart(32, '0'), service: name, container: name, pod: `${name}-0`, namespace: 'bench', node: 'one', timeMs, raw };
}

function* distinctIds(): Generator<WrittenLine> {
  for (let index = 0; index < ids; index++) yield lineOf(index % services, newId(), `order ${index} placed`);
}

/** Each open one says its lines in turn, a tenth of them begins and ends at every turn. */
function* manyOpen(): Generator<WrittenLine> {
  const open = Array.from({ length: openRequests }, (_, index) => ({ id: newId(), said: index % linesPerRequest }));
  for (let turn = 0; turn < 2 * linesPerRequest; turn++) {
    for (const [index, request] of open.entries()) {
      yield lineOf(index % services, request.id, `step ${request.said} done`);
      if (++request.said < linesPerRequest) continue;
      request.id = newId();
      request.said = 0;
    }
  }
}

function* manyTemplates(): Generator<WrittenLine> {
  for (let turn = 0; turn < 3; turn++) {
    for (let index = 0; index < templatesPerService * services; index++) yield lineOf(index % services, newId(), `handler ${wordOf(index)} was called ${turn} times`);
  }
}

const phases = [
  { name: `${ids / 1e6} M lines, each with a request id of its own`, lines: distinctIds, count: ids },
  { name: `${2 * linesPerRequest * openRequests / 1e6} M lines of ${openRequests} requests that are at work at a time`, lines: manyOpen, count: 2 * linesPerRequest * openRequests },
  { name: `${templatesPerService * services} messages, three times each, that no two have a template in common: more than are kept`, lines: manyTemplates, count: 3 * templatesPerService * services },
];

const figures: Figure[] = [];
const folder = mkdtempSync(join(tmpdir(), 'leadline-bench-'));
const kafka = await TestKafka.start({ portsFrom: 26_000, heap: '512m' });
const endings: (() => unknown)[] = [];
try {
  await fillTopic(kafka, 'many', (function* all() {
    for (const { lines } of phases) yield* lines();
  })());
  const collect = await RunningCollect.start({ teardown: ending => void endings.push(ending) }, ['--kafka', kafka.brokers.join(','), '--topic-prefix', 'many', '--data-dir', folder]);
  let before = 0;
  for (const { name, count } of phases) {
    // Streams are read side by side, so a phase's edge is not sharp; a tenth of it on both sides is left out.
    const seen: { events: number; mb: number }[] = [];
    for (;;) {
      const { events } = (await collect.report()).stored;
      if (events >= before + count / 10 && events <= before + 0.9 * count) seen.push({ events, mb: memoryMbOf(collect.pid, 'VmRSS')! });
      if (events >= before + count) break;
      await pause(200);
    }
    const tenths = Array.from({ length: 8 }, (_, tenth) => seen.filter(({ events }) => Math.floor(((events - before) * 10) / count) === tenth + 1).map(({ mb }) => mb));
    const means = tenths.filter(mbs => mbs.length > 0).map(mbs => Math.round(mbs.reduce((sum, mb) => sum + mb, 0) / mbs.length));
    figures.push({ what: name, value: `${means.join(', ')} MB`, beside: 'resident, a mean for each tenth but the first and last: flat' });
    process.stderr.write(`${name}: ${means.join(', ')} MB\n`);
    before += count;
  }
  const { counts } = await collect.report();
  figures.push({ what: 'templates told apart, and messages that found no room among them', value: `${counts.templates}, ${counts.overflowedTemplates}`, beside: '<= 200,000 in all' });
  await pause(15_000);
  figures.push({ what: 'afterwards, with nothing to do for 15 s', value: `${memoryMbOf(collect.pid, 'VmRSS')!.toFixed(0)} MB; at most ${memoryMbOf(collect.pid, 'VmHWM')!.toFixed(0)}`, beside: '' });
  await collect.stop();
} finally {
  for (const ending of endings) await ending();
  await kafka.stop();
  rmSync(folder, { recursive: true });
}
if (values['no-report']) for (const { what, value, beside } of figures) process.stdout.write(`${what}: ${value} (${beside})\n`);
else report('bounded', figures);
process.exit(0);
