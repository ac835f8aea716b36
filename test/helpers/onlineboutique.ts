/** The OnlineBoutique set and what is expected of it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import type { Queries } from '../../query/queries.ts';
import { corpusFolder } from './corpus-folder.ts';
import { timeline } from './store.ts';

export const boutiqueFolder = join(corpusFolder, 'multiservice', 'onlineboutique-2022-08-22');
export const boutiqueContainers = join(boutiqueFolder, 'containers');
export const boutiquePods = join(corpusFolder, 'multiservice', 'onlineboutique-2022-08-22-cri', 'pods');
export const boutiqueEvents = 12_058;
export const boutiqueRequests = 247;

interface Expected {
  lines: number;
  services: string[];
  /** `service:line number` in file. */
  order: string[];
}

export function expectedTimelines(): Record<string, Expected> {
  return JSON.parse(readFileSync(join(boutiqueFolder, 'expected', 'timelines.json'), 'utf8')) as Record<string, Expected>;
}

function lineNumbers(content: Buffer): Map<number, number> {
  const numbers = new Map<number, number>();
  let offset = 0;
  for (let line = 1; offset < content.length; line++) {
    numbers.set(offset, line);
    const newline = content.indexOf(10, offset);
    offset = newline < 0 ? content.length : newline + 1;
  }
  return numbers;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
}

/** service -> streamOffset -> line number, from the files themselves. */
export function linesByService(folder: string): Map<string, Map<number, number>> {
  const services = new Map<string, Map<number, number>>();
  for (const path of filesBelow(folder)) {
    const service = /([a-z]+)-[0-9a-f]+-[0-9a-z]{5}[_/]/.exec(path)![1]!;
    services.set(service, lineNumbers(gunzipSync(readFileSync(path))));
  }
  return services;
}

/** Every expected timeline against the store's: same lines in the same order, same services in the same order. */
export async function sameTimelines(t: ExecutionContext, queries: Queries, folder: string): Promise<void> {
  const lines = linesByService(folder);
  const expected = Object.entries(expectedTimelines());
  t.is(expected.length, boutiqueRequests);
  const wrong: string[] = [];
  for (const [id, { order, services }] of expected) {
    const found = await timeline(queries, id);
    const foundOrder = found.events.map(event => `${event.service ?? ''}:${lines.get(event.service ?? '')?.get(event.streamOffset) ?? '?'}`);
    if (JSON.stringify(foundOrder) !== JSON.stringify(order) || JSON.stringify(found.services) !== JSON.stringify(services)) wrong.push(`${id}: ${foundOrder.length} lines of ${order.length}, services ${found.services.join()} of ${services.join()}, first difference at ${foundOrder.findIndex((line, index) => line !== order[index])}`);
  }
  t.deepEqual(wrong.slice(0, 5), []);
}
