import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { kafkaClientOptions } from '../../deploy/kafka-options.ts';
import { checkShipOptions } from '../../deploy/ship-transport.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { defaultOptions, readOption, type Options } from '#schemas/options.ts';
import { testFolder } from '../helpers/folder.ts';

const optionsWith = (given: Partial<Options>): Options => ({ ...defaultOptions(), kafka: ['kafka'], ...given });

function mistakeOf(given: Partial<Options>): string {
  try {
    kafkaClientOptions(optionsWith(given), 'test');
  } catch (error) {
    if (error instanceof LeadlineError) return error.message;
    throw error;
  }
  return '';
}

test('brokers without a port get 9092; an IPv6 address stands in brackets', t => {
  t.deepEqual(kafkaClientOptions(optionsWith({ kafka: ['a', 'b.example:9093', '[::1]', '[::1]:9094', '10.0.0.1'] }), 'me'), {
    brokers: ['a:9092', 'b.example:9093', '[::1]:9092', '[::1]:9094', '10.0.0.1:9092'],
    clientId: 'me',
    tls: null,
    login: null,
    requestTimeoutMs: 30_000,
  });
});

test('brokers may be given with commas between them, as flag, variable or list', t => {
  for (const given of ['a:1,b:2', 'a:1, b:2', ['a:1,b:2'], ['a:1', 'b:2']]) t.deepEqual(readOption('kafka', given), { value: ['a:1', 'b:2'] });
});

test('certificate options imply TLS, and the flag alone takes the authorities of the system', t => {
  const folder = testFolder(t);
  const pem = join(folder, 'some.pem');
  writeFileSync(pem, '-----BEGIN CERTIFICATE-----\n');
  t.deepEqual(kafkaClientOptions(optionsWith({ kafkaTlsCa: pem }), '').tls, { caPath: pem, certPath: null, keyPath: null });
  t.deepEqual(kafkaClientOptions(optionsWith({ kafkaTls: true }), '').tls, { caPath: null, certPath: null, keyPath: null });
  t.deepEqual(kafkaClientOptions(optionsWith({ kafkaTlsCert: pem, kafkaTlsKey: pem }), '').tls, { caPath: null, certPath: pem, keyPath: pem });
});

test('a login needs all of its three parts', t => {
  t.deepEqual(kafkaClientOptions(optionsWith({ kafkaSasl: 'plain', kafkaUsername: 'u', kafkaPassword: 'p' }), '').login, { mechanism: 'plain', username: 'u', password: 'p' });
  t.regex(mistakeOf({ kafkaSasl: 'plain', kafkaUsername: 'u' }), /^--kafka-sasl: a login needs a password\. Set LEADLINE_KAFKA_PASSWORD/);
  t.regex(mistakeOf({ kafkaSasl: 'plain', kafkaPassword: 'p' }), /^--kafka-sasl: a login needs a user\. Add --kafka-username NAME/);
  t.regex(mistakeOf({ kafkaUsername: 'u' }), /^--kafka-username: is given without --kafka-sasl, which says how to log in\. Add --kafka-sasl with one of plain, scram-sha-256, scram-sha-512/);
  t.deepEqual(readOption('kafkaSasl', 'SCRAM-SHA-256'), { value: 'scram-sha-256' });
  t.deepEqual(readOption('kafkaSasl', 'scram-sha-255'), { problem: '"scram-sha-255" is not one of its values', fix: 'Did you mean scram-sha-256? Its values are plain, scram-sha-256, scram-sha-512' });
});

test('every mistake is told at once', t => {
  const folder = testFolder(t);
  const der = join(folder, 'some.der');
  writeFileSync(der, Buffer.from([0x30, 0x82]));
  const message = mistakeOf({ kafka: ['https://a:1', 'b:99999', 'c:d'], kafkaTlsCert: join(folder, 'nope.pem'), kafkaTlsCa: der, kafkaPassword: 'secret' });
  t.is(message.split('\n').length, 8, message);
  for (const part of ['the Kafka options have 7 mistakes:', '"https://a:1" is a URL. Leave out https://; for TLS add --kafka-tls', '"b:99999" is not an address of a broker', '"c:d" is not an address of a broker', 'a certificate needs its key. Add --kafka-tls-key FILE', 'nope.pem cannot be read (ENOENT)', 'some.der is not in PEM format', '--kafka-password: is given without --kafka-sasl']) t.true(message.includes(part), part);
  t.false(message.includes('secret'));
});

test('a shipper needs one way for its lines, not two, and a compression that this way knows', t => {
  const mistake = (given: Partial<Options>): string => t.throws(() => checkShipOptions(optionsWith(given)), { instanceOf: LeadlineError }).message;
  t.regex(mistake({ kafka: [] }), /^--kafka or --to: it is not said where the lines go\. Write --kafka HOST:PORT for Kafka, or --to URL/);
  t.regex(mistake({ to: 'http://c' }), /^--kafka and --to: lines go one way, and both are given\./);
  t.regex(mistake({ kafka: [], to: 'c:4682' }), /^--to: "c:4682" is not an http address\. Write, for instance, http:\/\/collector:4682/);
  t.regex(mistake({ kafka: [], to: 'http://c', compression: 'kafka-lz4' }), /^--compression: kafka-lz4 is a compression of Kafka's/);
  t.notThrows(() => checkShipOptions(optionsWith({ compression: 'kafka-lz4' })));
  t.notThrows(() => checkShipOptions(optionsWith({ kafka: [], to: 'https://c/behind/a/proxy' })));
});
