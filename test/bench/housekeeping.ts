/** Lines that belong to no request, put among those of the demo's logs in the format of each: what inference must leave alone. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const says = ['cache refreshed', 'heap used 47 MB', 'heap used 81 MB', 'connection pool has 4 idle connections'];

/** @param everyLine behind about one line in so many another is put @param random 0 to 1 */
export function addHousekeeping(folder: string, everyLine: number, random: () => number): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const lines = readFileSync(path, 'utf8').split('\n').flatMap(line => {
      const like = random() * everyLine > 1 ? null : lineLike(line, says[Math.floor(random() * says.length)]!);
      return like === null ? [line] : [line, like];
    });
    writeFileSync(path, lines.join('\n'));
  }
}

/** In the format and at the time of another; null where that is none of a service's own. */
function lineLike(line: string, message: string): string | null {
  if (line.startsWith('{"name"')) {
    const { name, hostname, pid, time } = JSON.parse(line) as Record<string, unknown>;
    return JSON.stringify({ name, hostname, pid, level: 30, msg: message, time, v: 0 });
  }
  if (line.startsWith('{')) return JSON.stringify({ time: (JSON.parse(line) as { time: string }).time, level: 'INFO', msg: message });
  if (line.startsWith('ts=')) return `${line.slice(0, line.indexOf(' level='))} level=info msg="${message}"`;
  return /^\d{4}-\d\d-\d\d /.test(line) ? `${line.slice(0, 23)} INFO  [scheduler-1] c.e.Housekeeping - ${message}` : null;
}
