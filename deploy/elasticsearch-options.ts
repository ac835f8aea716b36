/** Which store the options name, and how it is reached, with every mistake told at once. */
import { readFileSync } from 'node:fs';
import type { ElasticServerOptions } from '#lib/elasticsearch/server.ts';
import { namespaceProblem } from '#schemas/elasticsearch/names.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import { flagOf, type OptionName, type Options } from '#schemas/options.ts';

export type StoreOptions = Pick<Options, 'store' | 'elasticsearch' | 'elasticsearchApiKey' | 'elasticsearchUsername' | 'elasticsearchPassword' | 'elasticsearchTlsCa' | 'elasticsearchNamespace' | 'elasticsearchRequestTimeoutMs'>;

export type StoreChoice = { kind: 'embedded' } | { kind: 'elasticsearch'; server: ElasticServerOptions; namespace: string };

const portDefault = 9200;
/** OpenSearch is told from Elasticsearch by its answers. */
const serverStores = /^(?:elasticsearch|opensearch)=/i;

type Mistake = (option: OptionName, problem: string, fix: string) => void;

/** @throws LeadlineError BAD_OPTION for one mistake, BAD_CONFIG for several, one per line. */
export function storeChoice(options: StoreOptions): StoreChoice {
  const mistakes: LeadlineError[] = [];
  const mistake: Mistake = (option, problem, fix) => void mistakes.push(new LeadlineError('BAD_OPTION', { option: flagOf(option), problem, fix }));
  const nodes = nodesOf(options, mistake);
  const choice: StoreChoice = nodes === null ? { kind: 'embedded' } : { kind: 'elasticsearch', server: { nodes, login: loginOf(options, mistake), caPath: caOf(options, nodes, mistake), requestTimeoutMs: options.elasticsearchRequestTimeoutMs }, namespace: options.elasticsearchNamespace };
  if (nodes === null && (options.elasticsearchApiKey !== null || options.elasticsearchUsername !== null)) mistake(options.elasticsearchApiKey === null ? 'elasticsearchUsername' : 'elasticsearchApiKey', 'is given, and no Elasticsearch to log in to', 'Add --store elasticsearch=URL');
  const namespace = namespaceProblem(options.elasticsearchNamespace);
  if (namespace !== null) mistake('elasticsearchNamespace', `"${options.elasticsearchNamespace}" ${namespace}`, 'Write, for instance, production');
  if (mistakes.length === 1) throw mistakes[0]!;
  if (mistakes.length > 1) throw new LeadlineError('BAD_CONFIG', { message: `the store's options have ${mistakes.length} mistakes:\n${mistakes.map(({ message }) => `  ${message}`).join('\n')}` });
  return choice;
}

/** Null for the embedded store. */
function nodesOf({ store, elasticsearch }: StoreOptions, mistake: Mistake): string[] | null {
  const isServer = serverStores.test(store);
  if (!isServer && store !== 'embedded') mistake('store', `"${store}" is not a store this Leadline knows`, 'Write embedded or elasticsearch=URL');
  if (isServer && elasticsearch.length > 0) mistake('elasticsearch', 'is given beside --store, which names servers, too', 'Leave one of them out');
  const option = isServer ? 'store' : 'elasticsearch';
  const texts = isServer ? store.replace(serverStores, '').split(',').map(text => text.trim()).filter(text => text !== '') : elasticsearch;
  if (isServer && texts.length === 0) mistake('store', 'names no server', 'Write, for instance, --store elasticsearch=https://es-1:9200,https://es-2:9200');
  return isServer || elasticsearch.length > 0 ? texts.map(text => nodeOf(text, option, mistake)) : null;
}

function nodeOf(text: string, option: OptionName, mistake: Mistake): string {
  const url = URL.parse(/^https?:\/\//i.test(text) ? text : '');
  if (url === null) {
    mistake(option, `"${text}" is not the address of a server`, `Write a URL, for instance http://${/^[\w.-]+(?::\d+)?$/.test(text) ? text : 'localhost:9200'}`);
    return text;
  }
  if (url.username !== '' || url.password !== '') mistake(option, 'holds a user or password, which would be shown in messages', 'Write them as --elasticsearch-username and LEADLINE_ELASTICSEARCH_PASSWORD');
  if (url.search !== '' || url.hash !== '') mistake(option, `"${text}" is more than the address of a server`, `Write ${url.origin}`);
  if (url.protocol === 'http:' && !/^http:\/\/(?:\[[^\]]*\]|[^/:]*):\d/i.test(text)) url.port = String(portDefault);
  return `${url.origin}${url.pathname.replace(/\/$/, '')}`;
}

function loginOf({ elasticsearchApiKey, elasticsearchUsername, elasticsearchPassword }: StoreOptions, mistake: Mistake): ElasticServerOptions['login'] {
  if (elasticsearchApiKey !== null) {
    if (elasticsearchUsername !== null) mistake('elasticsearchApiKey', 'is given beside a user', 'Leave one of them out');
    return { apiKey: elasticsearchApiKey };
  }
  if (elasticsearchUsername === null) {
    if (elasticsearchPassword !== null) mistake('elasticsearchPassword', 'is given without a user', 'Add --elasticsearch-username NAME');
    return null;
  }
  if (elasticsearchPassword === null) mistake('elasticsearchUsername', 'a user needs a password', 'Set LEADLINE_ELASTICSEARCH_PASSWORD, or elasticsearch.elasticsearchPassword with fileOf: PATH in leadline.yaml');
  return { username: elasticsearchUsername, password: elasticsearchPassword ?? '' };
}

function caOf({ elasticsearchTlsCa }: StoreOptions, nodes: readonly string[], mistake: Mistake): string | null {
  if (elasticsearchTlsCa === null) return null;
  const plain = nodes.find(node => node.startsWith('http:'));
  if (plain !== undefined) mistake('elasticsearchTlsCa', `${plain} speaks no TLS`, `Write ${plain.replace('http:', 'https:')}, or leave the certificate authority out`);
  try {
    if (!readFileSync(elasticsearchTlsCa, 'utf8').includes('-----BEGIN ')) mistake('elasticsearchTlsCa', `${elasticsearchTlsCa} is not in PEM format`, 'Convert it: openssl x509 -inform der -in FILE');
  } catch (error) {
    mistake('elasticsearchTlsCa', `${elasticsearchTlsCa} cannot be read (${systemCodeOf(error) ?? String(error)})`, 'Check the path and give this user read permission');
  }
  return elasticsearchTlsCa;
}
