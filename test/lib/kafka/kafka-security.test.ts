/** Brokers that demand TLS, a certificate, a login or a right: one node with a listener of each kind. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import kafkajs from 'kafkajs';
import { TlsFiles } from '#lib/kafka/tls-files.ts';
import { KafkaError, type KafkaClientOptions, type KafkaLogin } from '#lib/kafka/types.ts';
import { TestAuthority, type CertificatePair } from '../../helpers/certificates.ts';
import { kafkaClient, recordsOf } from '../../helpers/kafka-records.ts';
import { kafkaMissing, TestKafka } from '../../helpers/kafka.ts';
import { proofSkipped } from '../../helpers/skipped.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const missing = kafkaMissing();
const record = { key: Buffer.from('k'), value: Buffer.from('v'), headers: {} };
const topic = 'secured';
const password = 'pass word:1';

if (missing !== null) proofSkipped('brokers that demand TLS, a login or a right', missing);
else {
  const folder = mkdtempSync(join(tmpdir(), 'leadline-kafka-tls-'));
  const authority = new TestAuthority(folder);
  const stranger = new TestAuthority(folder, 'stranger');
  const mine: CertificatePair = authority.issue('shipper');
  const starting = TestKafka.start({
    listeners: ['plain', 'tls', 'sasl', 'saslTls'],
    tls: { keystorePath: authority.keystore('broker'), truststorePath: authority.caPath, clientAuth: 'required' },
    users: { alice: password, mallory: 'other' },
    authorizer: true,
    // A session that ends soon, to see that connections outlive it.
    properties: { 'listener.name.sasl.connections.max.reauth.ms': '12000', 'connection.failed.authentication.delay.ms': '10' },
  });
  let kafka: TestKafka;
  test.before(async () => {
    kafka = await starting;
    await kafka.createTopic(topic);
    const allowed = { host: '*', operation: AclOperationTypes.ALL, permissionType: AclPermissionTypes.ALLOW, resourceType: AclResourceTypes.TOPIC, resourceName: topic, resourcePatternType: ResourcePatternTypes.LITERAL };
    await kafka.withAdmin(admin => admin.createAcls({ acl: ['User:alice', 'User:CN=shipper'].map(principal => ({ ...allowed, principal })).concat({ ...allowed, principal: 'User:mallory', operation: AclOperationTypes.DESCRIBE }) }));
  });
  test.after.always(async () => {
    await (await starting).stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const login = (mechanism: KafkaLogin['mechanism'], given: Partial<KafkaLogin> = {}): KafkaLogin => ({ mechanism, username: 'alice', password, ...given });
  const tls = (given: Partial<KafkaClientOptions['tls']> = {}): KafkaClientOptions['tls'] => ({ caPath: authority.caPath, certPath: null, keyPath: null, ...given });

  /** One record there and back. */
  async function roundTrip(brokers: readonly string[], given: Partial<KafkaClientOptions>): Promise<void> {
    const client = kafkaClient(brokers, given);
    try {
      const { baseOffset } = await client.produce(topic, 0, [record], 'none');
      const [fetched] = await client.fetch(topic, [{ partition: 0, offset: baseOffset }], { bytesMax: 1_000_000, maxWaitMs: 5000 });
      if (fetched?.records[0]?.recordOffset !== baseOffset) throw new Error(`not read back: ${fetched?.error?.message ?? 'nothing came'}`);
    } finally {
      await client.close();
    }
  }
  async function codeOf(brokers: readonly string[], given: Partial<KafkaClientOptions>): Promise<string> {
    try {
      await roundTrip(brokers, given);
      return 'none';
    } catch (error) {
      return error instanceof KafkaError ? error.code : String(error);
    }
  }

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    test(`a broker that demands a login takes records by ${mechanism}`, async t => {
      await t.notThrowsAsync(roundTrip(kafka.brokersOf('sasl'), { login: login(mechanism) }));
    });

    test(`the same over TLS by ${mechanism}`, async t => {
      await t.notThrowsAsync(roundTrip(kafka.brokersOf('saslTls'), { login: login(mechanism), tls: tls() }));
    });

    test(`a wrong password by ${mechanism} is LOGIN_FAILED`, async t => {
      t.is(await codeOf(kafka.brokersOf('sasl'), { login: login(mechanism, { password: 'wrong' }) }), 'LOGIN_FAILED');
      t.is(await codeOf(kafka.brokersOf('sasl'), { login: login(mechanism, { username: 'nobody' }) }), 'LOGIN_FAILED');
    });
  }

  test('a broker that demands a certificate takes records with ours, and TLS_FAILED without one or with a stranger\'s', async t => {
    await t.notThrowsAsync(roundTrip(kafka.brokersOf('tls'), { tls: tls(mine) }));
    t.is(await codeOf(kafka.brokersOf('tls'), { tls: tls() }), 'TLS_FAILED');
    t.is(await codeOf(kafka.brokersOf('tls'), { tls: tls(stranger.issue('shipper')) }), 'TLS_FAILED');
  });

  test('a broker whose certificate is of another authority is TLS_FAILED', async t => {
    t.is(await codeOf(kafka.brokersOf('tls'), { tls: tls({ ...mine, caPath: stranger.caPath }) }), 'TLS_FAILED');
    t.is(await codeOf(kafka.brokersOf('saslTls'), { tls: tls({ caPath: null }), login: login('plain') }), 'TLS_FAILED');
  });

  test('certificate files that are missing or do not fit are TLS_FAILED and named', async t => {
    const client = kafkaClient(kafka.brokersOf('tls'), { tls: tls({ caPath: join(folder, 'not-there.pem') }) });
    const error = await t.throwsAsync<KafkaError>(client.topic(topic));
    t.is(error.code, 'TLS_FAILED');
    t.regex(error.message, /not-there\.pem/);
    await client.close();
    t.is(await codeOf(kafka.brokersOf('tls'), { tls: tls({ certPath: mine.certPath, keyPath: stranger.issue('other').keyPath }) }), 'TLS_FAILED');
  });

  test('plain text to a listener that speaks TLS, and TLS to one that does not, are told apart from a broker that is away', async t => {
    t.is(await codeOf(kafka.brokersOf('plain'), { tls: tls() }), 'TLS_FAILED');
    t.is(await codeOf(kafka.brokersOf('tls'), {}), 'TLS_FAILED');
    t.is(await codeOf(['127.0.0.1:20999'], {}), 'UNREACHABLE');
    t.is(await codeOf(['127.0.0.1:20999'], { tls: tls() }), 'UNREACHABLE');
    t.is(await codeOf(['no-such-host.invalid:9092'], {}), 'UNREACHABLE');
  });

  test('a login where none is known, and none where one is demanded, are refused', async t => {
    t.is(await codeOf(kafka.brokersOf('plain'), { login: login('plain') }), 'LOGIN_FAILED');
    const client = kafkaClient(kafka.brokersOf('sasl'));
    t.regex((await t.throwsAsync(client.topic(topic))).message, /may demand a login/);
    await client.close();
  });

  test('a user without the right is told so, and which', async t => {
    const mallory = { login: login('plain', { username: 'mallory', password: 'other' }) };
    const client = kafkaClient(kafka.brokersOf('sasl'), mallory);
    t.is((await client.topic(topic)).partitions, 1);
    t.is((await t.throwsAsync<KafkaError>(client.produce(topic, 0, [record], 'none'))).code, 'TOPIC_AUTHORIZATION_FAILED');
    const [fetched] = await client.fetch(topic, [{ partition: 0, offset: 0n }], { bytesMax: 1000, maxWaitMs: 20_000 });
    t.is(fetched?.error?.code, 'TOPIC_AUTHORIZATION_FAILED');
    await kafka.createTopic('hidden');
    t.is((await t.throwsAsync<KafkaError>(client.topic('hidden'))).code, 'TOPIC_AUTHORIZATION_FAILED');
    await client.close();
  });

  test('a right that is given later is enough, without a new connection', async t => {
    const name = 'granted';
    await kafka.createTopic(name);
    const client = kafkaClient(kafka.brokersOf('sasl'), { login: login('scram-sha-256') });
    t.is((await t.throwsAsync<KafkaError>(client.produce(name, 0, [record], 'none'))).code, 'TOPIC_AUTHORIZATION_FAILED');
    await kafka.withAdmin(admin => admin.createAcls({ acl: [{ principal: 'User:alice', host: '*', operation: AclOperationTypes.ALL, permissionType: AclPermissionTypes.ALLOW, resourceType: AclResourceTypes.TOPIC, resourceName: name, resourcePatternType: ResourcePatternTypes.LITERAL }] }));
    for (;;) {
      try {
        await client.produce(name, 0, [record], 'none');
        break;
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        await sleep(50);
      }
    }
    t.is((await recordsOf(client, name)).length, 1);
    await client.close();
  });

  test('a login that ends while the connection lives is renewed: nothing fails, nothing is lost', async t => {
    const name = 'sessions';
    await kafka.createTopic(name);
    const plain = kafkaClient(kafka.brokersOf('plain'));
    await kafka.withAdmin(admin => admin.createAcls({ acl: [{ principal: 'User:alice', host: '*', operation: AclOperationTypes.ALL, permissionType: AclPermissionTypes.ALLOW, resourceType: AclResourceTypes.TOPIC, resourceName: name, resourcePatternType: ResourcePatternTypes.LITERAL }] }));
    const client = kafkaClient(kafka.brokersOf('sasl'), { login: login('scram-sha-512') });
    const untilMs = Date.now() + 15_000;
    let sent = 0;
    while (Date.now() < untilMs) {
      try {
        await client.produce(name, 0, [record], 'none');
        sent++;
      } catch (error) {
        // Right after its making the topic's right may not be everywhere.
        if (sent > 0) throw error;
      }
      await sleep(100);
    }
    t.is((await recordsOf(plain, name)).length, sent);
    await client.close();
    await plain.close();
  });

  test('a certificate that is replaced is shown on the next connection; one that does not fit its key yet is not', async t => {
    const paths = { certPath: join(folder, 'rotating.pem'), keyPath: join(folder, 'rotating.key') };
    const put = (pair: CertificatePair, what: 'certificate' | 'both'): void => {
      copyFileSync(pair.certPath, paths.certPath);
      if (what === 'both') copyFileSync(pair.keyPath, paths.keyPath);
    };
    put(stranger.issue('shipper'), 'both');
    const client = kafkaClient(kafka.brokersOf('tls'), { tls: tls(paths) });
    const refused = await t.throwsAsync<KafkaError>(client.produce(topic, 0, [record], 'none'));
    t.is(refused.code, 'TLS_FAILED');
    put(authority.issue('shipper'), 'both');
    await t.notThrowsAsync(client.produce(topic, 0, [record], 'none'));
    // Connections that are there are replaced too, at the latest a minute later.
    put(stranger.issue('shipper'), 'both');
    await t.notThrowsAsync(client.produce(topic, 0, [record], 'none'));
    client.cluster.sweep();
    t.is((await t.throwsAsync<KafkaError>(client.produce(topic, 0, [record], 'none'))).code, 'TLS_FAILED');
    put(authority.issue('shipper'), 'both');
    await t.notThrowsAsync(client.produce(topic, 0, [record], 'none'));
    await client.close();

    const files = new TlsFiles({ caPath: authority.caPath, ...paths });
    const first = files.current();
    put(stranger.issue('shipper'), 'certificate');
    t.is(files.current(), first, 'half a change');
    put(authority.issue('renewed'), 'both');
    t.is(files.current().version, first.version + 1);
  });
}
