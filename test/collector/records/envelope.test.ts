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

test('what each of them wraps around a line in later versions, and what people have added of the place', t => {
  const vector = { file: '/var/log/pods/shop_cart-0_5b1c9a0e-5c7d-4a7e-9a51-0123456789ab/server/0.log', kubernetes: { container_name: 'server', node_labels: {}, pod_ips: ['10.0.0.7'], pod_name: 'cart-0', pod_namespace: 'shop', pod_node_name: 'node-1' }, message: 'a line', source_type: 'kubernetes_logs', stream: 'stderr', timestamp: '2022-11-21T12:30:00.123456789Z', timestamp_end: '2022-11-21T12:30:00.123456789Z' };
  const docker = { container_created_at: '2022-11-21T12:00:00Z', container_id: '8f2e', container_name: 'cart', host: 'web-1', image: 'shop/cart:1', label: { a: 'b' }, message: 'a line', source_type: 'docker_logs', stream: 'stdout', timestamp: '2022-11-21T12:30:00.123456789Z' };
  for (const [record, service] of [[vector, 'cart'], [docker, 'cart'], [{ ...vector, env: 'prod', cluster_name: 'eu', region: 'x' }, 'cart'], [{ log: 'a line', stream: 'stdout', time: '2022-11-21T12:30:00.123456789Z', pod_name: 'cart-0', namespace_name: 'shop', environment: 'prod' }, 'cart']] as const) {
    const envelope = read(record)!;
    t.deepEqual([envelope.line, envelope.isContainer, envelope.timeText, envelope.origin.service], ['a line', true, '2022-11-21T12:30:00.123456789Z', service], JSON.stringify(record));
  }
});

test('a service that people have their publisher say goes before what pod and container are called', t => {
  const record = { message: 'a line', stream: 'stdout', kubernetes: { pod: { name: 'cart-0' }, container: { name: 'server' } } };
  t.deepEqual([{ service: { name: 'pay' } }, { service: 'pay' }, { fields: { service: 'pay' } }, {}].map(said => [read({ ...record, ...said })!.line, read({ ...record, ...said })!.origin.service]), [['a line', 'pay'], ['a line', 'pay'], ['a line', 'pay'], ['a line', 'cart']]);
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
