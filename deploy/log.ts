/**
 * Leadline's own log on standard error: bunyan records, each with a named event, for programs; on a terminal sentences, and only those that a person
 * must see. `--verbose` shows the records there, too.
 */
import bunyan from 'bunyan';
import { printable } from '../query/cli/render/terminal.ts';
import type { Options } from '#schemas/options.ts';

interface LogRecord {
  event?: string;
  msg: string;
}

/** @param saidElsewhere events that a person gets told by the command itself */
export function createLog(part: string, options: Pick<Options, 'verbose' | 'quiet'>, isTerminal: boolean, saidElsewhere: readonly string[] = []): bunyan {
  const level = options.verbose ? 'debug' : options.quiet ? 'error' : isTerminal ? 'warn' : 'info';
  const common = { name: 'leadline', part, level, serializers: { err: bunyan.stdSerializers.err } } as const;
  if (!isTerminal || options.verbose) return bunyan.createLogger({ ...common, stream: process.stderr });
  const write = (record: LogRecord): void => {
    if (record.event === undefined || !saidElsewhere.includes(record.event)) process.stderr.write(`${process.stderr.isTTY ? '\r\u001b[K' : ''}leadline: ${printable(record.msg)}\n`);
  };
  // A raw stream takes the record itself, which bunyan's types do not know.
  return bunyan.createLogger({ ...common, streams: [{ type: 'raw', level, stream: { write } as unknown as NodeJS.WritableStream }] });
}
