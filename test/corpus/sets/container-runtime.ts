/** docker and CRI lines of Fluent Bit and Grafana Alloy. */
import { eventsOfText } from '../pipeline.ts';
import { bytesOf, eventsOfFile, jsonOf } from '../files.ts';
import type { Tally } from '../tally.ts';

const raws = (events: readonly { raw: Uint8Array }[]): string[] => events.map(({ raw }) => Buffer.from(raw).toString());

export function countContainerRuntime(tally: Tally): void {
  for (const name of ['dockermode', 'dockermode_splitted_line', 'dockermode_multiple_lines']) {
    const file = `container-runtime/fluentbit-dockermode/${name}`;
    const expected = bytesOf(`${file}.expected`).toString().trim().split('\n').map(line => (JSON.parse(line) as { log: string }).log.replace(/\n$/, ''));
    // Upstream gives this file a rule of the user's: an event begins with a date.
    const limits = name === 'dockermode_multiple_lines' ? { multilineStart: ['^\\d{4}-\\d{2}-\\d{2}'] } : {};
    tally.equal('records', raws(eventsOfFile(tally, `${file}.log`, { framing: 'docker', limits })), expected, null, name);
  }
  for (const name of ['core_unescaping_json', 'core_unescaping_text']) {
    const file = `container-runtime/fluentbit-k8s-merge/${name}`;
    const [, { log }] = JSON.parse(bytesOf(`${file}.expected`).toString()) as [number, { log: string }];
    const [event] = eventsOfFile(tally, `${file}.log`, { framing: 'docker' });
    tally.equal('records', Buffer.from(event!.raw).toString(), log.replace(/\n$/, ''), null, name);
  }
  const { vectors } = jsonOf('container-runtime/cri-parse-vectors.json') as { vectors: { line: string; valid: boolean | string; ts?: string | null; stream?: string; flag?: string; content?: string }[] };
  for (const { line, valid, ts, stream, content } of vectors) {
    const events = eventsOfText(line, { framing: 'cri' });
    if (valid === true || stream === 'stderr' && typeof valid === 'string' && ts === null) {
      const [event] = events;
      tally.equal('records', [raws(events).join('\n'), event?.output], [content, stream], null, line);
      tally.equal('times', event?.timeSource === 'runtime' ? new Date(Number(event.timeNs / 1_000_000n)).toISOString().slice(0, 19) : null, ts?.slice(0, 19) ?? null, null, line);
    } else {
      // No CRI line, or one that is a matter of choice: kept as it is.
      tally.equal('records', raws(events).join('\n'), line, null, line);
    }
  }
  const multi = jsonOf('container-runtime/fluentbit-multiline-vectors.json') as { vectors: { name: string; input_lines: string[]; expected_records: string[] }[] };
  for (const { name, input_lines, expected_records } of multi.vectors) {
    const framing = name === 'docker' || name === 'cri' ? name : 'plain';
    // One line of the docker vector holds a literal newline in its JSON, as no runtime writes it.
    const lines = input_lines.map(line => (name === 'docker' ? line.replace(/\n/g, '\\n') : line.replace(/\n$/, '')));
    const events = eventsOfText(`${lines.join('\n')}\n`, { framing });
    const found = raws(events).sort();
    tally.equal('records', found, expected_records.map(record => record.replace(/\n$/, '')).sort(), null, name);
  }
}
