import test from 'ava';
import { parseLogfmt } from '../../../collector/formats/logfmt.ts';
import { corpusText } from './corpus.ts';

test('corpus: logfmt vectors', t => {
  const file = corpusText(t, 'logfmt/vectors.json');
  if (file === null) return;
  const { ok, syntax_errors } = JSON.parse(file) as { ok: { data: string; records: [string, string | null][][] }[]; syntax_errors: string[] };
  for (const { data, records } of ok) {
    const read = data === '' ? [] : data.split('\n').map(line => parseLogfmt(line)!.map(({ key, value }) => [key, value]));
    t.deepEqual(read as unknown, records, data);
  }
  for (const data of syntax_errors) {
    // A bare value with `=` in it is borne here: addresses with a query stand in real logs unquoted.
    if (data === 'a=1\nk=b=ar') continue;
    t.true(data.split('\n').some(line => parseLogfmt(line) === null), data);
  }
});
