/** Exceptions of five languages, and the broker logs of a real outage. */
import type { LogEvent } from '#schemas/event.ts';
import { bytesOf, eventsOfFile, jsonOf } from '../files.ts';
import { eventsOf } from '../pipeline.ts';
import type { Tally } from '../tally.ts';

export function countStackTraces(tally: Tally): void {
  const detect = jsonOf('stack-traces/detect-exceptions/expected.json') as { files: { file: string; expected_records: number }[] };
  for (const { file, expected_records } of detect.files) {
    const name = `stack-traces/detect-exceptions/${file}`;
    tally.equal('records', eventsOfFile(tally, name).length, expected_records, null, file);
    if (expected_records !== 1) continue;
    const trace = bytesOf(name).toString().replace(/\n$/, '');
    const among = ['a plain line', trace, 'a plain line', trace, trace].join('\n');
    tally.equal('records', eventsOf(Buffer.from(among)).length, 5, null, `${file} among other lines`);
    for (const framing of ['docker', 'cri'] as const) {
      // The other output says something between any two lines.
      const framed = trace.split('\n').flatMap(line => (framing === 'docker' ? [docker('stderr', line), docker('stdout', '{"msg":"x"}')] : [cri('stderr', line), cri('stdout', '{"msg":"x"}')]));
      tally.equal('records', eventsOf(Buffer.from(`${framed.join('\n')}\n`), { framing }).filter(({ output }) => output === 'stderr').length, 1, null, `${file} in ${framing}`);
    }
  }
  const { files } = jsonOf('stack-traces/kafka0/expected.json') as { files: Record<string, { records: number; multi_line_records: number; longest_record_lines: number; levels: Record<string, number> }> };
  for (const [name, { records, multi_line_records, longest_record_lines, levels }] of Object.entries(files)) {
    const events = eventsOfFile(tally, `stack-traces/kafka0/${name}.gz`);
    if (records === 0) {
      // The garbage collector's log: no expectation but that its bytes are there.
      continue;
    }
    tally.equal('records', events.length, records, null, name);
    tally.equal('records', events.filter(({ lineCount }) => lineCount! > 1).length, multi_line_records, null, `${name}, of several lines`);
    tally.equal('records', Math.max(...events.map(({ lineCount }) => lineCount!)), longest_record_lines, null, `${name}, longest`);
    const found = countOf(events);
    for (const [level, count] of Object.entries(levels)) tally.equal('levels', found[level.toLowerCase()], count, null, `${name} ${level}`);
    for (const event of events) tally.equal('times', event.timeSource === 'line' ? new Date(Number(event.timeNs / 1_000_000n)).toISOString() : null, isoOf(Buffer.from(event.raw).toString('latin1')), null, event.eventId);
  }
}

const isoOf = (raw: string): string => `${raw.slice(1, 11)}T${raw.slice(12, 20)}.${raw.slice(21, 24)}Z`;
const docker = (output: string, line: string): string => JSON.stringify({ log: `${line}\n`, stream: output, time: '2022-08-22T05:18:16.154772363Z' });
const cri = (output: string, line: string): string => `2022-08-22T05:18:16.154772363Z ${output} F ${line}`;

function countOf(events: readonly LogEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { level } of events) if (level !== null) counts[level] = (counts[level] ?? 0) + 1;
  return counts;
}
