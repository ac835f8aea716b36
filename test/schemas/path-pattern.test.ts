import test from 'ava';
import { chainOfPath, originOfPath, parsePathPattern, workloadOfPod } from '#schemas/path-pattern.ts';

const id = 'a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90';

test('a container file by its pod: the service is the workload', t => {
  t.deepEqual(originOfPath('containers/adservice-5f6585d649-fnmft_server-json.log.gz'), {
    source: 'adservice-5f6585d649-fnmft/server',
    origin: { service: 'adservice', container: 'server', pod: 'adservice-5f6585d649-fnmft', namespace: null, node: null },
    podUid: null,
    containerId: null,
    chain: 'containers/adservice-5f6585d649-fnmft_server-json.log',
    rotation: null,
  });
});

test('a file under /var/log/pods, relative or real, current or rotated', t => {
  const folder = 'default_cartservice-579f59597d-wc2lz_561edd94-9a8e-5fc8-9e1f-b3785ad6eb97/server';
  for (const [path, rotation] of [[`${folder}/0.log`, null], [`/var/log/pods/${folder}/0.log`, null], [`${folder}/0.log.20220822-051816`, '20220822-051816'], [`${folder}/0.log.20220822-051816.gz`, '20220822-051816']] as const) {
    const read = originOfPath(path);
    t.is(read.source, 'default/cartservice-579f59597d-wc2lz/server');
    t.deepEqual(read.origin, { service: 'cartservice', container: 'server', pod: 'cartservice-579f59597d-wc2lz', namespace: 'default', node: null });
    t.is(read.podUid, '561edd94-9a8e-5fc8-9e1f-b3785ad6eb97');
    t.is(read.rotation, rotation);
    t.true(read.chain.endsWith('/0.log'));
  }
});

test('a link under /var/log/containers', t => {
  const read = originOfPath(`/var/log/containers/kafka-0_data_broker-${id}.log`);
  t.deepEqual([read.source, read.origin.service, read.origin.container, read.containerId], ['data/kafka-0/broker', 'kafka', 'broker', id]);
});

test('docker\'s own folder names only the container id', t => {
  const read = originOfPath(`/var/lib/docker/containers/${id}/${id}-json.log.1`);
  t.deepEqual([read.source, read.origin.service, read.containerId, read.rotation], [id, null, id, 1]);
  t.is(originOfPath(`${id}/${id.replaceAll('a', 'b')}-json.log`).containerId, null, 'the two ids must be the same');
});

test('plain files: folder, then file, then base name', t => {
  t.is(originOfPath('cart.log').origin.service, 'cart');
  t.is(originOfPath('cart.log.2.gz').source, 'cart');
  t.is(originOfPath('nginx/access.log').origin.service, 'nginx');
  t.is(originOfPath('a/b/nginx/access.log-20220822.gz').source, 'nginx');
  t.deepEqual([originOfPath('orders.ndjson').origin.service, originOfPath('orders.ndjson').source], ['orders', 'orders.ndjson']);
  t.is(originOfPath('logs/orders').origin.service, 'orders');
  t.is(originOfPath('.json').origin.service, '.json');
});

test('an operator\'s pattern comes first, and one that begins with / matches the whole real path', t => {
  const mine = [parsePathPattern('/srv/{namespace}/{service}/logs/{anything}.log'), parsePathPattern('{service}-{container}.log')];
  t.deepEqual(originOfPath('/srv/eu/cart/logs/today.log', mine).origin, { service: 'cart', container: null, pod: null, namespace: 'eu', node: null });
  t.is(originOfPath('/mnt/srv/eu/cart/logs/today.log', mine).origin.service, 'logs', 'not the whole path');
  t.deepEqual(originOfPath('x/cart-web.log', mine).origin, { service: 'cart', container: 'web', pod: null, namespace: null, node: null });
});

test('a pattern with an unknown name, or none, is refused with what is allowed', t => {
  t.throws(() => parsePathPattern('{servise}.log'), { message: /\{servise\}.*\{service\}/s });
  t.throws(() => parsePathPattern('app.log'), { code: 'BAD_OPTION' });
});

test('a dot in a pattern is a dot', t => {
  t.is(originOfPath('cartXlog', [parsePathPattern('{service}.log')]).source, 'cartXlog');
});

for (const [path, chain, rotation] of [
  ['app.log', 'app.log', null],
  ['app.log.gz', 'app.log', null],
  ['app.log.1', 'app.log', 1],
  ['app.log.12.zst', 'app.log', 12],
  ['app.log-20220822', 'app.log', '20220822'],
  ['app.log-20220822.gz', 'app.log', '20220822'],
  ['app.log-20220822-1661145496', 'app.log', '20220822-1661145496'],
  ['app.log.2022-08-22', 'app.log', '2022-08-22'],
  ['server.log.2016-12-19-16', 'server.log', '2016-12-19-16'],
  ['app.log.2022-08-22.3.gz', 'app.log', '2022-08-22.3'],
  ['app.log.2022-13-45', 'app.log.2022-13-45', null],
  ['d.1/app.log', 'd.1/app.log', null],
] as const) {
  test(`rotation suffix of ${path}`, t => {
    t.deepEqual(chainOfPath(path), { chain, rotation });
  });
}

for (const [pod, workload] of [
  ['adservice-5f6585d649-fnmft', 'adservice'],
  ['currencyservice-cf787dd48-vpjrd', 'currencyservice'],
  ['paymentservice-9cdb6588f-554sm', 'paymentservice'],
  ['fluent-bit-x7k2p', 'fluent-bit'],
  ['kafka-0', 'kafka'],
  ['backup-27689310-x7k2p', 'backup'],
  ['backup-1661145480-x7k2p', 'backup'],
  ['render-3-x7k2p', 'render'],
  ['cart', 'cart'],
  ['cart-service', 'cart-service'],
  ['my-nginx', 'my-nginx'],
] as const) {
  test(`pod ${pod} belongs to ${workload}`, t => {
    t.is(workloadOfPod(pod), workload);
  });
}
