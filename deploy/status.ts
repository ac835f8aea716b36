/** `leadline status`: the balance of every stream, as a store or a shipper knows it. */
import { setTimeout as pause } from 'node:timers/promises';
import { HttpAnswers, type Answers } from '../query/cli/answers.ts';
import { renderStatus } from '../query/cli/render/status.ts';
import { printableJson, terminalOf } from '../query/cli/render/terminal.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { Config } from './config.ts';
import { dirsOf, openAnswers, runningOwner, runningShipper } from './read-source.ts';
import { renderShipper } from './render-shipper.ts';
import { renderCollector, type CollectorStatus } from './render-collector.ts';
import type { ShipperStatus } from './ship-status.ts';

const watchMs = 1000;
const clearScreen = '\u001b[2J\u001b[H';

/** One look: its rows for programs and its text for people. */
interface Look {
  rows: readonly unknown[];
  text: string;
}

/** @throws LeadlineError NO_STORE, SERVER_UNREACHABLE and what a server says */
export async function status(watches: boolean, config: Config): Promise<number> {
  const { look, close } = await lookAt(config);
  try {
    for (;;) {
      const { rows, text } = await look();
      if (config.options.json || !process.stdout.isTTY) for (const row of rows) process.stdout.write(`${process.stdout.isTTY ? printableJson(row) : JSON.stringify(row)}\n`);
      else process.stdout.write(`${watches ? clearScreen : ''}${text}\n`);
      if (!watches) return 0;
      await pause(watchMs);
    }
  } finally {
    await close();
  }
}

/** Whom to ask: the server that was named, a running owner of the store, a running shipper, the store itself. */
async function lookAt(config: Config): Promise<{ look: () => Promise<Look>; close: () => Promise<void> }> {
  const { options } = config;
  if (options.server !== null) {
    const server = new HttpAnswers(options.server, options.apiKey);
    const look = (await isPart(server)) ? lookAtPart : lookAtStore;
    return { look: () => look(server), close: server.close };
  }
  const dirs = dirsOf(config);
  const owners = await Promise.all(dirs.map(dir => runningOwner(dir)));
  const shipper = (await Promise.all(dirs.map(dir => runningShipper(dir)))).find(url => url !== null);
  if (shipper !== undefined && owners.every(url => url === null)) {
    const server = new HttpAnswers(shipper, null);
    return { look: () => lookAtPart(server), close: server.close };
  }
  const answers = await openAnswers(config);
  return { look: () => lookAtStore(answers), close: () => answers.close() };
}

/** A shipper, or a collector without a page. Whoever else has no such route, or says that it wants a key, which is told when it is asked for streams. */
async function isPart(server: HttpAnswers): Promise<boolean> {
  try {
    return ['shipper', 'collector'].includes((await server.get<{ kind?: string }>('/status')).kind ?? '');
  } catch (error) {
    if (error instanceof LeadlineError && error.code === 'SERVER_UNREACHABLE') throw error;
    return false;
  }
}

async function lookAtPart(server: HttpAnswers): Promise<Look> {
  const answer = await server.get<ShipperStatus | CollectorStatus>('/status');
  if (answer.kind === 'collector') return { rows: [answer], text: renderCollector(answer, server.name, terminalOf(process.stdout)) };
  return { rows: answer.streams, text: renderShipper(answer, server.name, terminalOf(process.stdout)) };
}

async function lookAtStore(answers: Answers): Promise<Look> {
  const answer = await answers.streams();
  return { rows: answer.streams, text: renderStatus(answer, answers.name, terminalOf(process.stdout)) };
}
