import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { storeChoice } from '../../deploy/elasticsearch-options.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { defaultOptions, readOption, type Options } from '#schemas/options.ts';
import { testFolder } from '../helpers/folder.ts';

const choose = (given: Partial<Options>): ReturnType<typeof storeChoice> => storeChoice({ ...defaultOptions(), ...given });

function mistakeOf(given: Partial<Options>): string {
  try {
    choose(given);
  } catch (error) {
    if (error instanceof LeadlineError) return error.message;
    throw error;
  }
  return '';
}

test('the store is the embedded one, or a cluster by any of its nodes, whichever option names them', t => {
  t.deepEqual(choose({}), { kind: 'embedded' });
  const server = { nodes: ['http://es-1:9200', 'https://es-2'], login: null, caPath: null, requestTimeoutMs: 30_000 };
  t.deepEqual(choose({ store: 'elasticsearch=http://es-1, https://es-2/' }), { kind: 'elasticsearch', server, namespace: 'default' });
  t.deepEqual(choose({ store: 'opensearch=http://es-1,https://es-2' }), { kind: 'elasticsearch', server, namespace: 'default' });
  const listed = readOption('elasticsearch', 'http://es-1:9200,https://es-2');
  t.deepEqual(choose({ elasticsearch: (listed as { value: string[] }).value, elasticsearchNamespace: 'shop' }), { kind: 'elasticsearch', server, namespace: 'shop' });
  t.deepEqual(choose({ store: 'elasticsearch=http://[::1]/search,http://es:80' }), { kind: 'elasticsearch', server: { ...server, nodes: ['http://[::1]:9200/search', 'http://es'] }, namespace: 'default' });
});

test('a login is an API key, or a user with a password', t => {
  const loginOf = (given: Partial<Options>): unknown => {
    const choice = choose({ store: 'elasticsearch=http://es', ...given });
    return choice.kind === 'elasticsearch' ? choice.server.login : null;
  };
  t.deepEqual(loginOf({ elasticsearchApiKey: 'a2V5' }), { apiKey: 'a2V5' });
  t.deepEqual(loginOf({ elasticsearchUsername: 'u', elasticsearchPassword: 'p' }), { username: 'u', password: 'p' });
});

test('each mistake says what, where and what to write instead', t => {
  const es = { store: 'elasticsearch=https://es' };
  t.regex(mistakeOf({ store: 'elastic' }), /--store: "elastic" is not a store .* Write embedded or elasticsearch=URL/);
  t.regex(mistakeOf({ store: 'elasticsearch=' }), /names no server/);
  t.regex(mistakeOf({ store: 'elasticsearch=es:9200' }), /"es:9200" is not the address .* http:\/\/es:9200/);
  t.regex(mistakeOf({ elasticsearch: ['ftp://x'] }), /--elasticsearch: "ftp:\/\/x"/);
  const secret = mistakeOf({ store: 'elasticsearch=https://u:geheim@es' });
  t.regex(secret, /--elasticsearch-username/);
  t.false(secret.includes('geheim'));
  t.regex(mistakeOf({ ...es, elasticsearch: ['https://es'] }), /beside --store/);
  t.regex(mistakeOf({ ...es, elasticsearchApiKey: 'k', elasticsearchUsername: 'u', elasticsearchPassword: 'p' }), /--elasticsearch-api-key: is given beside a user/);
  t.regex(mistakeOf({ ...es, elasticsearchUsername: 'u' }), /needs a password. Set LEADLINE_ELASTICSEARCH_PASSWORD/);
  t.regex(mistakeOf({ ...es, elasticsearchPassword: 'p' }), /--elasticsearch-password: is given without a user/);
  t.regex(mistakeOf({ elasticsearchApiKey: 'k' }), /no Elasticsearch to log in to/);
  t.regex(mistakeOf({ ...es, elasticsearchNamespace: 'My Shop' }), /--elasticsearch-namespace: "My Shop" may hold no capital letters/);
  const ca = join(testFolder(t), 'ca.pem');
  t.regex(mistakeOf({ ...es, elasticsearchTlsCa: ca }), /cannot be read \(ENOENT\)/);
  writeFileSync(ca, 'x');
  t.regex(mistakeOf({ ...es, elasticsearchTlsCa: ca }), /not in PEM format/);
  writeFileSync(ca, '-----BEGIN CERTIFICATE-----');
  t.regex(mistakeOf({ store: 'elasticsearch=http://es', elasticsearchTlsCa: ca }), /speaks no TLS. Write https:\/\/es:9200/);
  t.regex(mistakeOf({ store: 'elasticsearch=es', elasticsearchNamespace: '', elasticsearchUsername: 'u' }), /have 3 mistakes:\n {2}--store.*\n {2}--elasticsearch-username.*\n {2}--elasticsearch-namespace/);
});
