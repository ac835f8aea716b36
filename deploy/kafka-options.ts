/** What the options say of Kafka, as the client wants it, with every mistake told at once. */
import { readFileSync } from 'node:fs';
import type { KafkaClientOptions, KafkaLogin, KafkaTlsFiles } from '#lib/kafka/types.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import { flagOf, type OptionName, type Options } from '#schemas/options.ts';

const portDefault = 9092;
/** As the option's choices have them. */
const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

export type KafkaOptions = Pick<Options, 'kafka' | 'kafkaTls' | 'kafkaTlsCa' | 'kafkaTlsCert' | 'kafkaTlsKey' | 'kafkaSasl' | 'kafkaUsername' | 'kafkaPassword' | 'kafkaRequestTimeoutMs'>;

/**
 * @param clientId how the brokers' logs and quotas call this process
 * @throws LeadlineError BAD_OPTION for one mistake, BAD_CONFIG for several, one per line.
 */
export function kafkaClientOptions(options: KafkaOptions, clientId: string): KafkaClientOptions {
  const mistakes: LeadlineError[] = [];
  const mistake = (option: OptionName, problem: string, fix: string): void => void mistakes.push(new LeadlineError('BAD_OPTION', { option: flagOf(option), problem, fix }));
  const brokers = options.kafka.map(text => brokerAddress(text, mistake));
  if (brokers.length === 0) mistake('kafka', 'no broker is given', 'Write, for instance, --kafka kafka-1:9092,kafka-2:9092');
  const tls = tlsFiles(options, mistake);
  const login = loginOf(options, mistake);
  if (mistakes.length === 1) throw mistakes[0]!;
  if (mistakes.length > 1) throw new LeadlineError('BAD_CONFIG', { message: `the Kafka options have ${mistakes.length} mistakes:\n${mistakes.map(({ message }) => `  ${message}`).join('\n')}` });
  return { brokers, clientId, tls, login, requestTimeoutMs: options.kafkaRequestTimeoutMs };
}

type Mistake = (option: OptionName, problem: string, fix: string) => void;

/** `host:port`; the port may be left out, an IPv6 address stands in brackets. */
function brokerAddress(text: string, mistake: Mistake): string {
  const scheme = /^([a-z][\w+.-]*):\/\//i.exec(text)?.[1];
  if (scheme !== undefined) {
    mistake('kafka', `"${text}" is a URL`, `Leave out ${scheme}://; for TLS add --kafka-tls`);
    return text;
  }
  const match = /^(\[[\da-f:.]+\]|[^\s:[\]]+)(?::(\d+))?$/i.exec(text);
  const port = match?.[2] === undefined ? portDefault : Number(match[2]);
  if (match === null || port < 1 || port > 65_535) mistake('kafka', `"${text}" is not an address of a broker`, 'Write HOST:PORT, for instance kafka-1:9092 or [::1]:9092');
  return `${match?.[1] ?? text}:${port}`;
}

function tlsFiles({ kafkaTls, kafkaTlsCa, kafkaTlsCert, kafkaTlsKey }: KafkaOptions, mistake: Mistake): KafkaTlsFiles | null {
  if (kafkaTlsCert !== null && kafkaTlsKey === null) mistake('kafkaTlsCert', 'a certificate needs its key', 'Add --kafka-tls-key FILE');
  if (kafkaTlsKey !== null && kafkaTlsCert === null) mistake('kafkaTlsKey', 'a key needs its certificate', 'Add --kafka-tls-cert FILE');
  for (const [option, path] of [['kafkaTlsCa', kafkaTlsCa], ['kafkaTlsCert', kafkaTlsCert], ['kafkaTlsKey', kafkaTlsKey]] as const) {
    if (path === null) continue;
    try {
      if (!readFileSync(path, 'utf8').includes('-----BEGIN ')) mistake(option, `${path} is not in PEM format`, 'Convert it: openssl x509 -inform der -in FILE, or openssl pkcs12 -in FILE -nodes');
    } catch (error) {
      mistake(option, `${path} cannot be read (${systemCodeOf(error) ?? String(error)})`, 'Check the path and give this user read permission');
    }
  }
  const isUsed = kafkaTls || kafkaTlsCa !== null || kafkaTlsCert !== null || kafkaTlsKey !== null;
  return isUsed ? { caPath: kafkaTlsCa, certPath: kafkaTlsCert, keyPath: kafkaTlsKey } : null;
}

function loginOf({ kafkaSasl, kafkaUsername, kafkaPassword }: KafkaOptions, mistake: Mistake): KafkaLogin | null {
  if (kafkaSasl === null) {
    const given = kafkaUsername !== null ? 'kafkaUsername' : kafkaPassword !== null ? 'kafkaPassword' : null;
    if (given !== null) mistake(given, 'is given without --kafka-sasl, which says how to log in', `Add --kafka-sasl with one of ${mechanisms.join(', ')}`);
    return null;
  }
  const mechanism = mechanisms.find(each => each === kafkaSasl);
  if (kafkaUsername === null) mistake('kafkaSasl', 'a login needs a user', 'Add --kafka-username NAME');
  if (kafkaPassword === null) mistake('kafkaSasl', 'a login needs a password', 'Set LEADLINE_KAFKA_PASSWORD, or kafka.kafkaPassword with fileOf: PATH in leadline.yaml');
  return mechanism === undefined || kafkaUsername === null || kafkaPassword === null ? null : { mechanism, username: kafkaUsername, password: kafkaPassword };
}
