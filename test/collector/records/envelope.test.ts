import test from 'ava';
import { readEnvelope } from '../../../collector/records/envelope.ts';
import { published } from '../../helpers/record-publishers.ts';

const read = (record: unknown): ReturnType<typeof readEnvelope> => readEnvelope(Buffer.from(JSON.stringify(record)));

for (const [publisher, record] of Object.entries(published)) {
  test(`${publisher}: the line, its output, the runtime's stamp and who wrote it`, t => {
    const envelope = read(record('order 7 failed', 1_669_033_800_123))!;
    t.is(envelope.line, 'order 7 failed');
    t.deepEqual(envelope.origin, { service: 'checkout', container: 'server', pod: 'checkout-5f6585d649-fnmft', namespace: 'shop', node: 'node-1' });
    t.deepEqual([envelope.output, envelope.isContainer], ['stderr', true]);
    t.regex(envelope.timeText!, /^2022-11-21T12:30:00\.123(000)?Z$/);
  });
}

test('files, as each of them reads them without containers', t => {
  t.deepEqual(read({ '@timestamp': 1_669_033_800.5, log: 'a line' }), { line: 'a line', output: null, timeText: '2022-11-21T12:30:00.500000Z', isContainer: false, origin: { service: null, container: null, pod: null, namespace: null, node: null }, path: null });
  const vector = read({ file: '/srv/app.log', host: 'web-1', message: 'a line', source_type: 'file', timestamp: '2022-11-21T12:30:00.5Z' })!;
  t.deepEqual([vector.line, vector.path, vector.origin.node, vector.isContainer], ['a line', '/srv/app.log', 'web-1', false]);
  const filebeat = read({ '@timestamp': '2022-11-21T12:30:00.500Z', '@metadata': { beat: 'filebeat' }, message: 'a line', log: { offset: 17, file: { path: '/srv/app.log' } }, host: { name: 'web-1' }, service: { name: 'shop' }, agent: { type: 'filebeat' }, input: { type: 'filestream' }, ecs: { version: '8.0.0' } })!;
  t.deepEqual([filebeat.line, filebeat.path, filebeat.origin.service, filebeat.origin.node], ['a line', '/srv/app.log', 'shop', 'web-1']);
});

test("an application's own JSON, and what a publisher took apart, is itself the line", t => {
  for (const record of [
    { '@timestamp': '2022-11-21T12:30:00Z', 'log.level': 'error', message: 'card declined' },
    { time: '2022-11-21T12:30:00Z', level: 'info', msg: 'x' },
    { message: 'only this' },
    { log: 'x', level: 'error', kubernetes: { pod_name: 'a' } },
    { message: 'x', stream: 'stdout', orderId: 7 },
    { kubernetes: { pod_name: 'a' }, stream: 'stdout' },
  ]) t.is(read(record)!.line, null, JSON.stringify(record));
  t.is(read({ message: 'x', kubernetes: { pod_name: 'a-1' }, orderId: 7 })!.origin.service, 'a');
  for (const other of ['[1]', '7', 'null']) t.is(readEnvelope(Buffer.from(other)), null);
  t.is(read('a "line"')!.line, 'a "line"');
});

test('what is no JSON is refused; bytes that are no text are kept as they came, with who wrote them', t => {
  for (const other of ['no json', '{"log":"cut', '']) t.throws(() => readEnvelope(Buffer.from(other)), { message: /not JSON/ });
  const bytes = Buffer.concat([Buffer.from('{"log":"'), Buffer.from([0xff]), Buffer.from('","stream":"stdout","kubernetes":{"pod_name":"a-1"}}')]);
  const { line, isContainer, origin } = readEnvelope(bytes)!;
  t.deepEqual([line, isContainer, origin.pod], [null, false, 'a-1']);
});
