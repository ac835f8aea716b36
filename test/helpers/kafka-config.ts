/** The `server.properties` of a test broker: KRaft, combined broker and controller, small memory, quick failover. */

export type Listener = 'plain' | 'tls' | 'sasl' | 'saslTls';

export const clusterId = 'bGVhZGxpbmUtdGVzdC0wMQ';
/** Each node has ports for itself: clients per listener, then between brokers, then the controller. */
export const portsPerNode = 8;
const listenerPorts: Record<Listener, number> = { plain: 0, tls: 1, sasl: 2, saslTls: 3 };
const protocols: Record<Listener, string> = { plain: 'PLAINTEXT', tls: 'SSL', sasl: 'SASL_PLAINTEXT', saslTls: 'SASL_SSL' };
const internalPort = 4;
const controllerPort = 5;
/** Where a proxy listens for the plain listener. */
const proxyPort = 6;

export interface BrokerLayout {
  folder: string;
  firstPort: number;
  nodes: number;
  listeners: readonly Listener[];
  proxied: boolean;
  /** PEM files of the broker for the TLS listeners. */
  tls: { keystorePath: string; truststorePath: string; clientAuth: 'none' | 'required' } | null;
  /** Users of the SASL listeners: name to password. */
  users: Readonly<Record<string, string>>;
  /** Who is not allowed by an ACL is refused; the plain listener's users may do everything. */
  authorizer: boolean;
  /** More `server.properties`; the last value of a key counts. */
  properties: Readonly<Record<string, string>>;
}

export const portOf = (layout: BrokerLayout, node: number, listener: Listener): number => layout.firstPort + (node - 1) * portsPerNode + listenerPorts[listener];
export const proxyPortOf = (layout: BrokerLayout, node: number): number => layout.firstPort + (node - 1) * portsPerNode + proxyPort;
export const advertisedPortOf = (layout: BrokerLayout, node: number, listener: Listener): number => (layout.proxied && listener === 'plain' ? proxyPortOf(layout, node) : portOf(layout, node, listener));
export const nodesOf = (layout: BrokerLayout): number[] => Array.from({ length: layout.nodes }, (_, index) => index + 1);

export function serverProperties(layout: BrokerLayout, node: number): string {
  const base = layout.firstPort + (node - 1) * portsPerNode;
  const replicas = Math.min(3, layout.nodes);
  const inSync = layout.nodes >= 3 ? 2 : 1;
  const own = [...layout.listeners];
  const listeners = [...own.map(name => `${name.toUpperCase()}://127.0.0.1:${portOf(layout, node, name)}`), `INTERNAL://127.0.0.1:${base + internalPort}`, `CONTROLLER://127.0.0.1:${base + controllerPort}`];
  const advertised = [...own.map(name => `${name.toUpperCase()}://127.0.0.1:${advertisedPortOf(layout, node, name)}`), `INTERNAL://127.0.0.1:${base + internalPort}`];
  const properties: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': node,
    'controller.quorum.voters': nodesOf(layout).map(other => `${other}@127.0.0.1:${layout.firstPort + (other - 1) * portsPerNode + controllerPort}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    listeners: listeners.join(','),
    'advertised.listeners': advertised.join(','),
    'inter.broker.listener.name': 'INTERNAL',
    'listener.security.protocol.map': [...own.map(name => `${name.toUpperCase()}:${protocols[name]}`), 'INTERNAL:PLAINTEXT', 'CONTROLLER:PLAINTEXT'].join(','),
    'log.dirs': `${layout.folder}/node${node}/data`,
    'num.partitions': 1,
    'auto.create.topics.enable': 'false',
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'unclean.leader.election.enable': 'false',
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 3,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': 3,
    'group.initial.rebalance.delay.ms': 0,
    // Quick failover: a kill -9 is noticed by missed heartbeats. A changed order of replicas moves the leader within a second.
    'broker.heartbeat.interval.ms': 500,
    'broker.session.timeout.ms': 3000,
    'controller.quorum.election.timeout.ms': 500,
    'controller.quorum.fetch.timeout.ms': 1500,
    'replica.lag.time.max.ms': 5000,
    'leader.imbalance.check.interval.seconds': 1,
    'leader.imbalance.per.broker.percentage': 0,
    // Small memory.
    'num.network.threads': 2,
    'num.io.threads': 4,
    'log.cleaner.dedupe.buffer.size': 8_388_608,
    'log.cleaner.threads': 1,
    'log.index.size.max.bytes': 1_048_576,
  };
  if (layout.tls !== null) {
    Object.assign(properties, {
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': layout.tls.keystorePath,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': layout.tls.truststorePath,
      'ssl.client.auth': layout.tls.clientAuth,
      'listener.name.sasltls.ssl.client.auth': 'none',
    });
  }
  const saslListeners = own.filter(name => name === 'sasl' || name === 'saslTls');
  for (const name of saslListeners) {
    const prefix = `listener.name.${name.toLowerCase()}`;
    const users = Object.entries(layout.users).map(([user, password]) => ` user_${user}="${password}"`).join('');
    properties[`${prefix}.sasl.enabled.mechanisms`] = 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512';
    properties[`${prefix}.plain.sasl.jaas.config`] = `org.apache.kafka.common.security.plain.PlainLoginModule required${users};`;
    for (const mechanism of ['scram-sha-256', 'scram-sha-512']) properties[`${prefix}.${mechanism}.sasl.jaas.config`] = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  }
  if (layout.authorizer) Object.assign(properties, { 'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer', 'super.users': 'User:ANONYMOUS' });
  Object.assign(properties, layout.properties);
  return Object.entries(properties).map(([key, value]) => `${key}=${value}\n`).join('');
}

/** What the storage tool is told beside the properties: users of SCRAM live in the cluster's metadata. */
export function formatArguments(layout: BrokerLayout): string[] {
  if (!layout.listeners.some(name => name === 'sasl' || name === 'saslTls')) return [];
  return Object.entries(layout.users).flatMap(([user, password]) => ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap(mechanism => ['--add-scram', `${mechanism}=[name=${user},password=${password}]`]));
}

/** Kafka 4 logs with log4j 2, Kafka 3 with reload4j. */
export const log4j2Properties = 'status=error\nappender.c.type=Console\nappender.c.name=C\nappender.c.layout.type=PatternLayout\nappender.c.layout.pattern=[%d] %p %m (%c)%n\nrootLogger.level=INFO\nrootLogger.appenderRef.c.ref=C\n';
export const log4jProperties = 'log4j.rootLogger=INFO, C\nlog4j.appender.C=org.apache.log4j.ConsoleAppender\nlog4j.appender.C.layout=org.apache.log4j.PatternLayout\nlog4j.appender.C.layout.ConversionPattern=[%d] %p %m (%c)%n\n';
