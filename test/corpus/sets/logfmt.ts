import { parseLogfmt } from '../../../collector/formats/logfmt.ts';
import { jsonOf } from '../files.ts';
import type { Tally } from '../tally.ts';

export function countLogfmt(tally: Tally): void {
  const { ok, syntax_errors } = jsonOf('logfmt/vectors.json') as { ok: { data: string; records: [string, string | null][][] }[]; syntax_errors: string[] };
  for (const { data, records } of ok) {
    const read = data === '' ? [] : data.split('\n').map(line => parseLogfmt(line)?.map(({ key, value }) => [key, value]) ?? null);
    tally.equal('fields', read, records, null, data);
  }
  for (const data of syntax_errors) tally.equal('records', data.split('\n').some(line => parseLogfmt(line) === null), true, null, data);
}
