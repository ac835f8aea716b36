import { jsonOf } from '../files.ts';
import { eventsOfText } from '../pipeline.ts';
import type { Tally } from '../tally.ts';

export function countTraceContext(tally: Tally): void {
  const { vectors } = jsonOf('trace-context/traceparent-vectors.json') as { vectors: { header: string; valid: boolean; trace_id?: string; parent_id?: string }[] };
  for (const { header, valid, trace_id, parent_id } of vectors) {
    for (const line of [`received traceparent: ${header}`, `{"msg":"x","traceparent":"${header}"}`, `level=info msg=x traceparent=${header}`, `{"req":{"headers":{"traceparent":"${header}"}},"msg":"x"}`]) {
      const [event] = eventsOfText(line);
      const found = ['trace', 'span'].map(kind => event!.ids.find(id => id.kind === kind)?.value ?? null);
      tally.equal('ids', found, valid ? [trace_id, parent_id] : [null, null], null, line);
    }
  }
}
