/** Ten containers in docker and in CRI framing: 12,058 lines each, all of whose ids, levels and runtime times are known. */
import type { LogEvent } from '#schemas/event.ts';
import { compareEvents } from '#schemas/event.ts';
import { bytesOf, eventsOfFile, filesBelow, jsonOf, lineNumbers } from '../files.ts';
import type { Tally } from '../tally.ts';

interface Timeline {
  lines: number;
  order: string[];
}

export function countMultiservice(tally: Tally): void {
  const expected = jsonOf('multiservice/onlineboutique-2022-08-22/expected/timelines.json') as Record<string, Timeline>;
  for (const [framing, folder] of [['docker', 'multiservice/onlineboutique-2022-08-22/containers'], ['cri', 'multiservice/onlineboutique-2022-08-22-cri/pods']] as const) {
    const byTrace = new Map<string, { event: LogEvent; name: string }[]>();
    let records = 0;
    for (const file of filesBelow(folder)) {
      const service = /([a-z]+)-[0-9a-f]+-[0-9a-z]{5}[_/]/.exec(file)![1]!;
      const numbers = lineNumbers(bytesOf(file));
      for (const event of eventsOfFile(tally, file, { framing })) {
        records += 1;
        const raw = Buffer.from(event.raw).toString();
        const where = `${file}:${numbers.get(event.streamOffset)}`;
        const [trace, span] = [/TraceID: ([0-9a-f]{32})/.exec(raw)![1]!, /SpanID: ([0-9a-f]{16})/.exec(raw)![1]!];
        tally.equal('ids', [event.requestId, event.ids.find(({ kind }) => kind === 'span')?.value], [trace, span], null, where);
        tally.equal('levels', event.level, levelOfRaw(raw), null, where);
        // Which moment that is, the timelines tell below.
        tally.equal('times', event.timeSource, 'runtime', null, where);
        const lines = byTrace.get(trace) ?? [];
        byTrace.set(trace, lines);
        lines.push({ event: { ...event, source: service }, name: `${service}:${numbers.get(event.streamOffset)}` });
      }
    }
    tally.equal('records', records, 12_058, null, folder);
    for (const [trace, { order }] of Object.entries(expected)) {
      const found = (byTrace.get(trace) ?? []).sort((a, b) => compareEvents(a.event, b.event)).map(({ name }) => name);
      tally.equal('records', found, order, null, trace);
    }
  }
}

/** As the services write it: a key of JSON, or a word behind the time; one of them writes none. */
function levelOfRaw(raw: string): string | null {
  if (!raw.startsWith('{')) return /^\d\d:\d\d:\d\d\.\d+ ([A-Z]+) /.exec(raw)?.[1]?.toLowerCase() ?? null;
  const { severity, level } = JSON.parse(raw) as { severity?: string; level?: number };
  if (typeof level === 'number') return { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' }[level] ?? null;
  return severity?.toLowerCase() ?? null;
}

