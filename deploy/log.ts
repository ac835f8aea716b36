/** Leadline's own log: bunyan records on standard error, each with a named event. On a terminal only what a person must see, unless asked for more. */
import bunyan from 'bunyan';
import type { Options } from '#schemas/options.ts';

export function createLog(part: string, options: Pick<Options, 'verbose' | 'quiet'>, isTerminal: boolean): bunyan {
  const level = options.verbose ? 'debug' : options.quiet ? 'error' : isTerminal ? 'warn' : 'info';
  return bunyan.createLogger({ name: 'leadline', part, level, stream: process.stderr, serializers: { err: bunyan.stdSerializers.err } });
}
