/**
 * `npm run campaign:store`: kills the writer of an embedded store with -9 at random moments, two hundred times, and after each reads everything: what
 * was told to be durable is there, each event once, every block, id, word and count fits. Then kills `store delete` in its middle.
 *
 *     node test/campaign/store-kills.ts [--kills 200] [--seed 1] [--no-report]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { eventsFilesIn, eventsFolder } from '#schemas/embedded/layout.ts';
import type { LogEvent } from '#schemas/event.ts';
import { levels } from '#schemas/event.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import { EmbeddedReader } from '../../query/store/embedded-reader.ts';
import { checkStore } from '../../query/upkeep/check-store.ts';
import { seededNumbers } from '../bench/ship-lines.ts';
import { anyContext, madeEvent, noon } from '../contract/made-up.ts';
import { commitText, machineText } from '../helpers/ran-on.ts';

export const streamNames = ['a', 'b', 'c'];
export const eventBytes = 100;
const idEvery = 9;

/** The n-th event of a stream, the same at any time. */
export function killedEvent(stream: string, n: number): LogEvent {
  const request = `${stream}${(Math.floor(n / idEvery) * 2654435761).toString(16).padStart(31, '0')}`;
  return madeEvent(stream, eventBytes * n, eventBytes * (n + 1), {
    timeNs: noon + BigInt(n) * 37_000_000n, level: levels[n % 6]!, service: `service-${stream}`, message: `event number ${n} of ${request}`, raw: Buffer.from(`{"msg":"event number ${n} of ${request}"}`),
    ids: [{ kind: 'trace', name: 'traceId', value: request }, { kind: 'span', name: 'span', value: `${request.slice(8, 16)}${n % 10}${request.slice(16, 23)}` }], fields: { n },
  });
}

async function killedAfter(child: ReturnType<typeof spawn>, ms: number, onFirstLine: boolean): Promise<string> {
  let told = '';
  child.stdout!.on('data', (text: Buffer) => (told += text.toString()));
  if (onFirstLine) await Promise.race([once(child.stdout!, 'data'), once(child, 'close')]);
  setTimeout(() => child.kill('SIGKILL'), ms);
  await once(child, 'close');
  return told;
}

interface Seen {
  events: number;
  blocks: number;
  files: number;
}

/** @throws Error saying what is wrong. @param acknowledged events of each stream that were told to be durable */
async function readAll(dataDir: string, acknowledged: readonly number[], isDeleted: (event: LogEvent) => boolean): Promise<Seen> {
  const seen: Seen = { events: 0, blocks: 0, files: 0 };
  // Killed before there was a file.
  const isThere = existsSync(eventsFolder(dataDir)) && eventsFilesIn(eventsFolder(dataDir)).length > 0;
  if (!isThere && acknowledged.every(count => count === 0)) return seen;
  for await (const { name, problems, blocks } of checkStore(dataDir)) {
    if (problems.length > 0) throw new Error(`${name}: ${problems.join('; ')}`);
    seen.blocks += blocks;
    seen.files += 1;
  }
  const reader = new EmbeddedReader(dataDir);
  const next = new Map(streamNames.map(stream => [stream, 0]));
  for (let cursor = '0'; ; ) {
    const page = await reader.after(cursor, parseQuery(''), 5000, anyContext);
    for (const event of page.events) {
      const n = next.get(event.streamId)!;
      if (event.streamOffset !== eventBytes * n) throw new Error(`stream ${event.streamId}: ${event.streamOffset} comes where ${eventBytes * n} should`);
      next.set(event.streamId, n + 1);
      const expected = killedEvent(event.streamId, n);
      const isRight = isDeleted(expected) ? event.gap?.cause === 'deleted' : Buffer.compare(event.raw, expected.raw) === 0 && event.message === expected.message && event.fields['n'] === n;
      if (!isRight) throw new Error(`event ${event.eventId} is not what was stored`);
      seen.events += 1;
    }
    cursor = page.cursor;
    if (page.atEnd) break;
  }
  streamNames.forEach((stream, index) => {
    if (next.get(stream)! < acknowledged[index]!) throw new Error(`stream ${stream}: ${next.get(stream)!} events, and ${acknowledged[index]!} were told to be durable`);
  });
  const { count } = await reader.count({ query: parseQuery(''), fromNs: null, toNs: null }, anyContext);
  if (count !== seen.events) throw new Error(`${count} events are counted, and ${seen.events} are there`);
  for (const stream of streamNames) {
    const total = next.get(stream)!;
    for (let n = 0; n + idEvery < total; n += Math.max(idEvery, Math.floor(total / 50 / idEvery) * idEvery)) {
      const event = killedEvent(stream, n);
      const found = (await reader.ids([event.ids[0]!.value], anyContext)).events.length;
      if (found !== (isDeleted(event) ? 0 : idEvery)) throw new Error(`${found} events of ${event.ids[0]!.value}, and should be ${idEvery}`);
    }
  }
  await reader.close();
  return seen;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { kills: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' }, 'no-report': { type: 'boolean', default: false } } });
  const kills = Number(values.kills);
  const random = seededNumbers(Number(values.seed));
  const folder = mkdtempSync(join(tmpdir(), 'leadline-store-kills-'));
  const total: Seen & { duringDelete: number; unfinished: number } = { events: 0, blocks: 0, files: 0, duringDelete: 0, unfinished: 0 };
  let dataDir = '';
  let acknowledged: number[] = [];
  for (let kill = 0; kill < kills; kill++) {
    if (kill % 25 === 0) {
      dataDir = join(folder, `store-${kill}`);
      acknowledged = streamNames.map(() => 0);
    }
    const ms = random() % 3 === 0 ? random() % 15 : random() % 500;
    const child = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, 'store-writer.ts'), dataDir, String(random())], { stdio: ['ignore', 'pipe', 'inherit'] });
    const told = await killedAfter(child, ms, random() % 10 !== 0);
    const last = told.slice(0, told.lastIndexOf('\n')).split('\n').at(-1);
    if (last !== undefined && last !== '') acknowledged = JSON.parse(last) as number[];
    const seen = await readAll(dataDir, acknowledged, () => false);
    total.events += seen.events;
    total.blocks += seen.blocks;
    total.files += seen.files;
    if (kill % 10 === 9) process.stdout.write(`${kill + 1} kills; ${seen.events} events in ${seen.blocks} blocks and ${seen.files} files in this store\n`);
    if (kill % 25 !== 24) continue;
    // The same store, with the command that deletes killed until it comes to its end.
    const victim = killedEvent('b', idEvery * 3);
    const isVictim = (event: LogEvent): boolean => event.ids[0]!.value === victim.ids[0]!.value;
    for (let tries = 0; ; tries++) {
      const deleting = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, '../../leadline.ts'), 'store', 'delete', '--id', victim.ids[0]!.value, '--data-dir', dataDir, '--quiet'], { stdio: ['ignore', 'pipe', 'inherit'] });
      await killedAfter(deleting, 250 + 100 * tries + (random() % 200), false);
      if (deleting.exitCode === 0 || deleting.exitCode === 1) break;
      total.duringDelete += 1;
      // A file is either as it was or without it.
      await readAll(dataDir, acknowledged, () => false).catch((error: unknown) => {
        if (!/is not what was stored|events of/.test((error as Error).message)) throw error;
        total.unfinished += 1;
      });
    }
    await readAll(dataDir, acknowledged, isVictim);
  }
  rmSync(folder, { recursive: true });
  const text = [
    '# Kills of a store', '', `${commitText()}, ${new Date().toISOString().slice(0, 10)}; seed ${values.seed}; ${machineText()}.`, '',
    `The writer was killed with -9 ${kills} times at random moments, while blocks were sealed, ids merged and files followed each other; after each, everything was read: ${total.events} events in ${total.blocks} blocks and ${total.files} files, over all readings. None that was told to be durable was missing, none was there twice; every block's checksum, SQLite's quick_check, the index of ids, the words and the counts fitted.`, '',
    `\`store delete\` was killed ${total.duringDelete} times in its middle (${total.unfinished} times with some files done and others not): each file was as it was or without the id, and asked again it came to its end.`, '',
  ].join('\n');
  if (!values['no-report']) {
    mkdirSync(join(import.meta.dirname, 'reports'), { recursive: true });
    writeFileSync(join(import.meta.dirname, 'reports', 'store-kills.md'), text);
  }
  process.stdout.write(text);
}

if (import.meta.main) await main();
