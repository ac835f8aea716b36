/** The program of a parsing thread. */
import { parentPort } from 'node:worker_threads';
import { invariant } from '#lib/assert.ts';
import { systemClock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { LogLevel, ParserCall, ParserThreadData } from './messages.ts';
import { Parser } from './parser.ts';

export function main(data: ParserThreadData): void {
  const port = parentPort;
  invariant(port !== null, 'a parsing thread was started as a program');
  // The collector's thread has a log; a second one would only take memory.
  const say = (level: LogLevel) => (fields: object, message: string) => port.postMessage({ kind: 'log', level, fields, message });
  const log: Log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
  const parser = new Parser({ ...data, log, clock: systemClock, send: (message, transfer) => port.postMessage(message, transfer) });
  port.on('message', (call: ParserCall) => parser.take(call));
}
