import type { Writable } from 'node:stream';

type LogfmtLevel = 'info' | 'warn' | 'error';

/** `ts=... level=... msg=...` and further pairs; values with a space, a quote, an equals sign or a control character are quoted as in JSON. */
export function logfmtLog(file: Writable): (level: LogfmtLevel, msg: string, pairs: Record<string, string | number>) => void {
  return (level, msg, pairs) => {
    const line = Object.entries({ ts: new Date().toISOString(), level, msg, ...pairs }).map(([key, value]) => `${key}=${quoted(value)}`);
    file.write(`${line.join(' ')}\n`);
  };
}

function quoted(value: string | number): string {
  return /^[^\s"=\\]+$/.test(`${value}`) ? `${value}` : JSON.stringify(value);
}
