import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ElasticError, ElasticServer, pathOf, type ElasticServerOptions } from '#lib/elasticsearch/server.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import { storeChoice } from '../../../deploy/elasticsearch-options.ts';
import { defaultOptions, type Options } from '#schemas/options.ts';
import { ElasticsearchWriter } from '../../../collector/store/elasticsearch/elasticsearch-writer.ts';
import { ElasticsearchReader } from '../../../query/store/elasticsearch/elasticsearch-reader.ts';
import { anyContext, madeEvent } from '../../contract/made-up.ts';
import { TestAuthority } from '../../helpers/certificates.ts';
import { elasticsearchMissing, givenElasticsearch, startElasticsearch } from '../../helpers/elasticsearch.ts';
import { newNamespace, refresh, removeStore, serverAt, writerOptions } from '../../helpers/elasticsearch-store.ts';
import { testFolder } from '../../helpers/folder.ts';
import { GuardedProxy } from '../../helpers/guarded-proxy.ts';
import { skipHere } from '../../helpers/skipped.ts';

const everything = { query: parseQuery(''), fromNs: null, toNs: null, limit: 10, cursor: null };

/** As the options name it. */
function serverOf(given: Partial<Options>): ElasticServer {
  const choice = storeChoice({ ...defaultOptions(), elasticsearchRequestTimeoutMs: 10_000, ...given });
  if (choice.kind === 'embedded') throw new Error('the options name no server');
  return new ElasticServer(choice.server);
}

const codeOf = async (t: ExecutionContext, work: () => Promise<unknown>): Promise<string | undefined> => (await t.throwsAsync(work, { instanceOf: LeadlineError }))?.code;

test('TLS with an own authority, an API key or a user, and several nodes of which one goes: stored and read through all of it', async t => {
  const missing = givenElasticsearch === null ? elasticsearchMissing() : null;
  if (missing !== null) {
    skipHere(t, missing);
    return;
  }
  const own = givenElasticsearch === null ? await startElasticsearch() : null;
  t.teardown(() => own?.stop());
  const target = own?.url ?? givenElasticsearch!;
  const folder = testFolder(t);
  const authority = new TestAuthority(folder);
  const certificate = authority.issue('localhost');
  const apiKey = Buffer.from('id:key').toString('base64');
  const [first, second] = [await GuardedProxy.listen(target, certificate, `ApiKey ${apiKey}`), await GuardedProxy.listen(target, certificate, `ApiKey ${apiKey}`)];
  t.teardown(() => Promise.all([first.close(), second.close()]));
  const namespace = newNamespace();
  const nodes = `elasticsearch=${first.url},${second.url}`;
  const options = { store: nodes, elasticsearchApiKey: apiKey, elasticsearchTlsCa: authority.caPath };

  const writer = new ElasticsearchWriter(writerOptions(serverOf(options), namespace));
  await writer.open();
  await writer.append({ events: [madeEvent('a', 0, 10)], states: [] }, [], []);
  t.true(first.requests > 0 && second.requests > 0, 'both nodes were asked');
  await first.close();
  await writer.append({ events: [madeEvent('a', 10, 20)], states: [] }, [], []);
  t.is(writer.stalledBy, null);

  // The same by user and password, over the node that is left.
  second.authorization = `Basic ${Buffer.from('reader:geheim').toString('base64')}`;
  const login = { store: `elasticsearch=${second.url}`, elasticsearchUsername: 'reader', elasticsearchPassword: 'geheim', elasticsearchTlsCa: authority.caPath };
  await refresh(serverAt(target), namespace);
  const reader = new ElasticsearchReader({ server: serverOf(login), namespace });
  t.is((await reader.events(everything, anyContext)).events.length, 2);

  // What is wrong with the way there is said.
  const failing = (given: Partial<Options>): ElasticsearchReader => new ElasticsearchReader({ server: serverOf({ ...login, ...given }), namespace });
  const wrong = failing({ elasticsearchPassword: 'falsch' });
  const refused = await t.throwsAsync(() => wrong.events(everything, anyContext), { instanceOf: LeadlineError });
  t.is(refused.code, 'ELASTICSEARCH_LOGIN_FAILED');
  t.false(refused.message.includes('falsch'));
  t.is(await codeOf(t, () => new ElasticsearchWriter(writerOptions(serverOf({ ...login, elasticsearchPassword: 'falsch' }), namespace)).open()), 'ELASTICSEARCH_LOGIN_FAILED');
  const stranger = new TestAuthority(folder, 'stranger');
  t.is(await codeOf(t, () => failing({ elasticsearchTlsCa: stranger.caPath }).events(everything, anyContext)), 'ELASTICSEARCH_TLS_FAILED');
  t.is(await codeOf(t, () => failing({ elasticsearchTlsCa: null }).events(everything, anyContext)), 'ELASTICSEARCH_TLS_FAILED');
  t.is(await codeOf(t, () => failing({ store: 'elasticsearch=https://127.0.0.1:1' }).events(everything, anyContext)), 'ELASTICSEARCH_UNREACHABLE');

  // A key that is wrong for a while holds the writer up, and loses nothing.
  second.authorization = 'ApiKey another';
  const appended = writer.append({ events: [madeEvent('a', 20, 30)], states: [] }, [], []);
  while (writer.stalledBy?.code !== 'ELASTICSEARCH_LOGIN_FAILED') await new Promise(resolve => setTimeout(resolve, 20));
  second.authorization = `ApiKey ${apiKey}`;
  await appended;
  t.deepEqual(writer.lastKnown('a')?.storedRanges, [{ from: 0, to: 30 }]);
  await writer.close();
  await removeStore(serverAt(target), namespace);
});

/** A server that does what a test says. */
async function fakeServer(t: ExecutionContext, answer: (path: string) => { status: number; body: string; type?: string } | null): Promise<ElasticServerOptions> {
  const server = createServer((request, response) => {
    const found = answer(request.url ?? '');
    if (found === null) return;
    response.writeHead(found.status, { 'content-type': found.type ?? 'application/json' });
    response.end(found.body);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { nodes: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`], login: null, caPath: null, requestTimeoutMs: 500 };
}

test('every status is an answer; no answer in time, a cut one and one that is no JSON are errors of which nobody knows what became of the request', async t => {
  const server = new ElasticServer(await fakeServer(t, path => (path === '/silent' ? null : path === '/half' ? { status: 200, body: '{"half":' } : { status: Number(path.slice(1)), body: '{"__proto__":{"kept":1},"constructor":{"prototype":2}}' })));
  for (const status of [200, 400, 404, 409, 413, 429, 500, 503]) t.is((await server.request({ method: 'POST', path: `/${status}`, lines: '{}\n' })).status, status);
  const body = (await server.request({ method: 'GET', path: '/200' })).body as object;
  t.deepEqual(Object.keys(body), ['__proto__', 'constructor'], 'names of fields may be anything');
  for (const [path, code] of [['/silent', 'TIMED_OUT'], ['/half', 'NO_ANSWER']] as const) {
    const error = await t.throwsAsync(() => server.request({ method: 'POST', path, body: {} }), { instanceOf: ElasticError });
    t.deepEqual([error?.code, error?.isUnsent], [code, false], path);
  }
  const given = new AbortController();
  const aborted = server.request({ method: 'GET', path: '/silent', signal: given.signal });
  given.abort();
  t.is((await t.throwsAsync(aborted, { instanceOf: ElasticError }))?.code, 'ABORTED');
  const nobody = new ElasticServer({ nodes: ['http://127.0.0.1:1'], login: null, caPath: null, requestTimeoutMs: 500 });
  const unsent = await t.throwsAsync(() => nobody.request({ method: 'GET', path: '/' }), { instanceOf: ElasticError });
  t.deepEqual([unsent?.code, unsent?.isUnsent], ['UNREACHABLE', true]);
  await server.close();
  await nobody.close();
});

test('what answers is told by its answers; a gateway in between is neither', async t => {
  const answers = { status: 502, body: '<html>bad gateway</html>', type: 'text/html' };
  const server = new ElasticServer(await fakeServer(t, () => answers));
  t.is((await t.throwsAsync(() => server.flavour(), { instanceOf: ElasticError }))?.code, 'NO_ANSWER');
  Object.assign(answers, { status: 200, type: 'application/json', body: '{"version":{"distribution":"opensearch","number":"2.19.0"}}' });
  t.is(await server.flavour(), 'opensearch');
  await server.close();
});

test('a path takes any name, and a certificate authority that cannot be read is an error at once', t => {
  t.is(pathOf('_resolve', 'index', 'logs-*,b/c'), '/_resolve/index/logs-*,b%2Fc');
  const folder = testFolder(t);
  t.throws(() => new ElasticServer({ nodes: ['https://x'], login: null, caPath: join(folder, 'none.pem'), requestTimeoutMs: 500 }), { code: 'ENOENT' });
});
