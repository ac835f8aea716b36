import test from 'ava';
import { Metrics } from '#lib/metrics.ts';

const catalogue = {
  a_bytes: { type: 'gauge', help: 'Some bytes.' },
  b_total: { type: 'counter', help: 'A back\\slash and\na newline.', labels: ['cause', 'place'] },
} as const;

test('metrics in the text format: without labels from the start, with labels once there is a value, escaped', t => {
  const metrics = new Metrics(catalogue);
  t.is(metrics.text(), '# HELP a_bytes Some bytes.\n# TYPE a_bytes gauge\na_bytes 0\n# HELP b_total A back\\\\slash and\\na newline.\n# TYPE b_total counter\n');
  metrics.set('a_bytes', 1.5);
  metrics.count('b_total', 2, { cause: 'a "b"\\\n', place: 'x' });
  metrics.count('b_total', 1, { cause: 'a "b"\\\n', place: 'x' });
  metrics.count('b_total', 1, { cause: 'c', place: 'y' });
  t.deepEqual(metrics.text().split('\n').filter(line => !line.startsWith('#')), ['a_bytes 1.5', 'b_total{cause="a \\"b\\"\\\\\\n",place="x"} 3', 'b_total{cause="c",place="y"} 1', '']);
  metrics.clear('b_total');
  metrics.set('a_bytes', Infinity);
  t.deepEqual(metrics.text().split('\n').filter(line => !line.startsWith('#')), ['a_bytes +Inf', '']);
});
