/** Records as Fluent Bit, Vector and Filebeat publish a container's line to Kafka as JSON. */

type Publisher = (line: string, timeMs: number) => Record<string, unknown>;

const iso = (timeMs: number): string => new Date(timeMs).toISOString();

export const published: Record<'fluentBit' | 'vector' | 'filebeat', Publisher> = {
  fluentBit: (line, timeMs) => ({
    '@timestamp': timeMs / 1000, log: line, stream: 'stderr', logtag: 'F', time: iso(timeMs),
    kubernetes: { pod_name: 'checkout-5f6585d649-fnmft', namespace_name: 'shop', pod_id: '5b1c', host: 'node-1', container_name: 'server', docker_id: '8f2e', container_image: 'shop/checkout:1', labels: { app: 'checkout' } },
  }),
  vector: (line, timeMs) => ({
    file: '/var/log/pods/shop_checkout-5f6585d649-fnmft_5b1c/server/0.log', message: line, source_type: 'kubernetes_logs', stream: 'stderr', timestamp: iso(timeMs),
    kubernetes: { container_id: 'containerd://8f2e', container_image: 'shop/checkout:1', container_name: 'server', namespace_labels: {}, pod_ip: '10.0.0.7', pod_labels: { app: 'checkout' }, pod_name: 'checkout-5f6585d649-fnmft', pod_namespace: 'shop', pod_node_name: 'node-1', pod_owner: 'ReplicaSet/checkout-5f6585d649', pod_uid: '5b1c' },
  }),
  filebeat: (line, timeMs) => ({
    '@timestamp': iso(timeMs), '@metadata': { beat: 'filebeat', type: '_doc', version: '8.15.0' }, message: line, stream: 'stderr',
    log: { offset: 4711, file: { path: '/var/log/containers/checkout.log' } }, input: { type: 'container' }, agent: { type: 'filebeat', version: '8.15.0', name: 'filebeat-x' }, ecs: { version: '8.0.0' }, host: { name: 'node-1' },
    container: { id: '8f2e', runtime: 'containerd', image: { name: 'shop/checkout:1' } },
    kubernetes: { namespace: 'shop', pod: { name: 'checkout-5f6585d649-fnmft', uid: '5b1c' }, node: { name: 'node-1' }, container: { name: 'server' }, labels: { app: 'checkout' } },
  }),
};
