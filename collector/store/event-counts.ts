/** Events per service, minute and level: counted where they are parsed, added to a file's counts inside of the writer's transaction. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { allServices, minuteMs, serviceKey } from '#schemas/embedded/layout.ts';
import { splitTime } from '#schemas/embedded/nanoseconds.ts';
import { levelRank, type LogEvent } from '#schemas/event.ts';

export interface CountRow {
  /** `serviceKey`, or `allServices`. */
  service: string;
  minute: number;
  /** Rank of the level, -1 for none. */
  level: number;
  n: number;
}

const levelSlots = 7;
const time = { ms: 0, ns: 0 };

export function countEvents(events: readonly LogEvent[]): CountRow[] {
  const services = new Map<string, Map<number, Int32Array>>();
  const all = new Map<number, Int32Array>();
  services.set(allServices, all);
  let lastService: string | null | undefined;
  let minutes = all;
  for (const { service, timeNs, level } of events) {
    if (service !== lastService) {
      lastService = service;
      const key = serviceKey(service);
      minutes = services.get(key) ?? new Map<number, Int32Array>();
      services.set(key, minutes);
    }
    const minute = Math.floor(splitTime(timeNs, time).ms / minuteMs);
    const slot = levelRank(level) + 1;
    countsOf(minutes, minute)[slot]! += 1;
    countsOf(all, minute)[slot]! += 1;
  }
  const rows: CountRow[] = [];
  for (const [service, byMinute] of services) {
    for (const [minute, counts] of byMinute) counts.forEach((n, slot) => n > 0 && rows.push({ service, minute, level: slot - 1, n }));
  }
  return rows;
}

function countsOf(minutes: Map<number, Int32Array>, minute: number): Int32Array {
  let counts = minutes.get(minute);
  if (counts === undefined) minutes.set(minute, (counts = new Int32Array(levelSlots)));
  return counts;
}

export class EventCounts {
  private readonly addRow: StatementSync;

  constructor(database: DatabaseSync) {
    this.addRow = database.prepare('insert into counts (service, minute, level, n) values (?, ?, ?, ?) on conflict do update set n = n + excluded.n');
  }

  add(rows: readonly CountRow[]): void {
    for (const { service, minute, level, n } of rows) this.addRow.run(service, minute, level, n);
  }
}
