import type { Writable } from 'node:stream';

type LogbackLevel = 'INFO' | 'WARN' | 'ERROR';

/** A log as one thread of a Java service writes it: `thread` and `logger` stand in every line. */
export type LogbackLog = (level: LogbackLevel, thread: string, logger: string, message: string, stackTrace?: readonly string[]) => void;

/** `2026-11-21 08:15:01.123 INFO  [http-1] c.e.Logger - message` in UTC, and a stack trace on the lines after it. */
export function logbackLog(file: Writable): LogbackLog {
  return (level, thread, logger, message, stackTrace = []) => {
    const time = new Date().toISOString().slice(0, -1).replace('T', ' ');
    const lines = [`${time} ${level.padEnd(5)} [${thread}] ${logger} - ${message}`, ...stackTrace];
    file.write(`${lines.join('\n')}\n`);
  };
}
