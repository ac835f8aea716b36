/** Adds a commit's events to the counts per service, minute and level. Runs inside of the writer's transaction. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { allServices, minuteMs, serviceKey } from '#schemas/embedded/layout.ts';
import { splitTime } from '#schemas/embedded/nanoseconds.ts';
import { levelRank, type LogEvent } from '#schemas/event.ts';

const levelSlots = 7;

export class EventCounts {
  private readonly add_: StatementSync;
  private readonly time = { ms: 0, ns: 0 };

  constructor(database: DatabaseSync) {
    this.add_ = database.prepare('insert into counts (service, minute, level, n) values (?, ?, ?, ?) on conflict do update set n = n + excluded.n');
  }

  add(events: readonly LogEvent[]): void {
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
      const minute = Math.floor(splitTime(timeNs, this.time).ms / minuteMs);
      const slot = levelRank(level) + 1;
      countsOf(minutes, minute)[slot]! += 1;
      countsOf(all, minute)[slot]! += 1;
    }
    for (const [service, byMinute] of services) {
      for (const [minute, counts] of byMinute) counts.forEach((n, slot) => n > 0 && this.add_.run(service, minute, slot - 1, n));
    }
  }
}

function countsOf(minutes: Map<number, Int32Array>, minute: number): Int32Array {
  let counts = minutes.get(minute);
  if (counts === undefined) minutes.set(minute, (counts = new Int32Array(levelSlots)));
  return counts;
}
