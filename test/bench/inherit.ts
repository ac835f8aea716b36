/**
 * How often inference is right, and how much it finds: ids are cut out of a random half of the lines, or out of all lines of one service, and every
 * timeline is asked for. `node test/bench/inherit.ts [boutique | demo | busy]`
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evidenceKinds } from '../../query/timeline/inherit/claim.ts';
import { strongestIdOf } from '../../query/timeline/closure.ts';
import { boutiqueContainers } from '../helpers/onlineboutique.ts';
import { corpusFolder } from '../helpers/corpus-folder.ts';
import { neverAborted } from '../helpers/store.ts';
import { busyLogs, copyPlain, knowable, stored, truthOf, writeCut, type Truth, type TrueLine } from './inherit-data.ts';
import { addHousekeeping } from './housekeeping.ts';
import { demoLogs } from './inherit-demo.ts';
import { percentile, reportTable } from './report.ts';
import { defaultOptions } from '#schemas/options.ts';

const folder = mkdtempSync(join(tmpdir(), 'leadline-inherit-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const rows: string[][] = [];

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    const mixed = Math.imul(state ^ (state >>> 13), 0x297a2d39);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** @param sampled how many requests are asked for, spread over all @param isAnew whether each is asked of a reader that has looked at nothing yet */
async function measure(name: string, truth: Truth, sampled: number, isCut: (line: TrueLine) => boolean, isAnew = false): Promise<void> {
  const cutFolder = join(folder, 'cut');
  const cut = writeCut(truth, cutFolder, isCut);
  const requests = [...new Set([...truth.lines.values()].map(({ request }) => request).filter(request => request !== null))];
  const asked = new Set(requests.filter((_, index) => Math.floor((index * sampled) / requests.length) !== Math.floor(((index - 1) * sampled) / requests.length)));
  const all = new Set([...cut, ...[...truth.lines.values()].filter(({ event, request }) => request !== null && strongestIdOf(event) === null).map(({ key }) => key)]);
  const isAsked = (key: string): boolean => asked.has(truth.lines.get(key)!.request!);
  const without = [...all].filter(isAsked);
  const { tagged, keyed } = knowable(truth, all);
  const store = await stored(cutFolder, join(folder, 'store'));
  const tally = new Map(evidenceKinds.map(kind => [kind as string, { right: 0, wrong: 0 }]));
  const found = new Set<string>();
  const done = new Set<string>();
  const took: number[] = [];
  const cpu: number[] = [];
  const direct: number[] = [];
  let cutOff = 0;
  for (const { event, key } of store.events) {
    const id = strongestIdOf(event);
    if (id === null || done.has(id.canonical) || !isAsked(key)) continue;
    const queries = isAnew ? await store.anew() : store.queries;
    const before = performance.now();
    await queries.timeline(id.value, { inferred: false }, neverAborted);
    const between = performance.now();
    const cpuBefore = process.cpuUsage();
    const timeline = await queries.timeline(id.value, {}, neverAborted);
    took.push(performance.now() - between);
    const { user, system } = process.cpuUsage(cpuBefore);
    cpu.push((user + system) / 1000);
    direct.push(between - before);
    if (timeline.inference?.cutBecause != null) cutOff += 1;
    for (const each of timeline.ids) done.add(each.value.toLowerCase());
    done.add(id.canonical);
    const request = truth.lines.get(key)!.request!;
    for (const line of timeline.events) {
      if (line.evidence === undefined) continue;
      const lineKey = store.keyOf.get(line.eventId)!;
      const isRight = truth.lines.get(lineKey)?.request === request;
      tally.get(line.evidence.kind)![isRight ? 'right' : 'wrong'] += 1;
      if (isRight) found.add(lineKey);
    }
  }
  await store.close();
  const sum = [...tally.values()].reduce((total, { right, wrong }) => ({ right: total.right + right, wrong: total.wrong + wrong }), { right: 0, wrong: 0 });
  const share = (part: number, whole: number): string => (whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`);
  const among = (keys: Iterable<string>): string => {
    const wanted = [...keys].filter(isAsked);
    return wanted.length === 0 ? '-' : `${share(wanted.filter(key => found.has(key)).length, wanted.length)} of ${wanted.length}`;
  };
  const row = [
    name, `${without.length}`, share(sum.right, sum.right + sum.wrong), among(without), among(tagged), among(keyed),
    ...evidenceKinds.map(kind => {
      const { right, wrong } = tally.get(kind)!;
      return right + wrong === 0 ? '-' : `${share(right, right + wrong)} of ${right + wrong}`;
    }),
    `${percentile(direct, 0.5).toFixed(1)} / ${percentile(took, 0.5).toFixed(0)} / ${percentile(took, 0.99).toFixed(0)}${cutOff === 0 ? '' : `, ${cutOff} cut off`}`,
    `${percentile(cpu, 0.5).toFixed(0)} / ${percentile(cpu, 0.99).toFixed(0)}`,
  ];
  rows.push(row);
  process.stdout.write(`${row.join(' | ')}\n`);
}

async function measureSet(name: string, truth: Truth): Promise<void> {
  const random = seeded(7);
  await measure(`${name}, a random half of the lines`, truth, 120, () => random() < 0.5);
  const services = [...new Set([...truth.lines.values()].filter(({ request }) => request !== null).map(({ event }) => event.service ?? ''))].sort();
  for (const service of services) await measure(`${name}, all of ${service}`, truth, 60, ({ event }) => event.service === service);
}

const only = process.argv.slice(2).filter(argument => !argument.startsWith('-'));
if (existsSync(corpusFolder) && (only.length === 0 || only.includes('boutique'))) {
  const plain = join(folder, 'boutique');
  copyPlain(boutiqueContainers, plain);
  await measureSet('OnlineBoutique', await truthOf(plain, join(folder, 'store'), false));
}
if (only.length === 0 || only.includes('demo')) {
  for (const [concurrency, requests] of [[1, 200], [4, 500], [16, 1500]] as const) {
    const logs = await demoLogs(join(folder, `demo-${concurrency}`), concurrency, requests);
    await measureSet(`demo, ${concurrency} at once`, await truthOf(logs, join(folder, 'store'), true));
    const random = seeded(11);
    addHousekeeping(logs, 6, random);
    await measure(`demo, ${concurrency} at once, a random half of the lines, and one line in seven is no request's`, await truthOf(logs, join(folder, 'store'), true), 120, () => random() < 0.5);
  }
}
if (only.length === 0 || only.includes('busy')) {
  const truth = await truthOf(busyLogs(join(folder, 'busy'), 60_000), join(folder, 'store'), true);
  for (const isAnew of [false, true]) {
    const random = seeded(13);
    await measure(`twelve services, 1,000 lines/s, a random third of the lines${isAnew ? ', each asked of a reader that was just opened' : ''}`, truth, 120, () => random() < 1 / 3, isAnew);
  }
}
reportTable('inherit', ['ids cut out of', 'lines without id', 'precision', 'recall', 'recall, worker tag', 'recall, value of its own', ...evidenceKinds.map(kind => `precision: ${kind}`), 'ms: direct / p50 / p99 with inference', 'CPU ms: p50 / p99'], rows, [
  'Of a line that is cut, every trace, request, correlation and span id is taken out of its text; session and user ids stay. What is right is what the same lines said before. Lines of the demo that never have an id are their thread\'s request.',
  'Recall, worker tag: of the lines that name a worker which a line with an id of the same request and container names too.',
  'Recall, value of its own: of the lines with a value that a line with an id of the same request has too and no other request has that is at work within 10 s. A session\'s next request may begin as soon as the last line with an id was written, so of sessions, users and connections only lines between lines with ids count.',
  'Lines that are no request\'s (`cache refreshed`, `heap used 47 MB`) stand in the format of each service; one that is given to a request counts as wrong.',
  'What is left says nothing that could tell its request (`Handles decimal or fractional carrying` of a service that logs no id at all), and stands between lines of several requests that are alike, so that which of them wrote it could only be guessed.',
  '`N cut off`: for so many of the timelines asked for the budget did not reach 10 s around their lines; it was then looked less far, and the answer says how far.',
  'CPU ms: of the whole process, garbage collection among it, for a timeline with inference; where other work wants the processors, it waits longer. A reader that was just opened has nothing unpacked and no columns of lines: of twelve services, read file by file, it unpacks 24 blocks for a timeline.',
  `At the default cut, ${defaultOptions().inferenceConfidenceMin} %, with the default budget; up to 120 requests of a set asked for by every id they have left (60 where a service is cut).`,
]);
