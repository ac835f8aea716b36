import type { Writable } from 'node:stream';

type GoLevel = 'INFO' | 'WARN' | 'ERROR';

/** One JSON object per line with the keys of Go's slog: `time`, `level`, `msg`, then the attributes. */
export function goJsonLog(file: Writable): (level: GoLevel, msg: string, attributes: Record<string, unknown>) => void {
  return (level, msg, attributes) => {
    file.write(`${JSON.stringify({ time: new Date().toISOString(), level, msg, ...attributes })}\n`);
  };
}
