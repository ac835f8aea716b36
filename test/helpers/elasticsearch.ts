/**
 * A real Elasticsearch: the one at LEADLINE_ELASTICSEARCH_URL, or one of a test's own, from the server that Elastic publishes on Maven Central for
 * integration tests (the whole core, without the modules that are built apart: no security, no life cycle, no `_data_stream` routes). Needs Java 21 and,
 * for the first time, mvn (`elasticsearchMissing` says so). It takes about 800 MB and is up in about 10 s.
 */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, freePort, isRoot, javaHome, JavaServer } from './java-server.ts';
import { cached, canRun } from './server-process.ts';

const version = process.env['LEADLINE_ELASTICSEARCH_VERSION'] ?? '9.2.4';
const javaMin = 21;
const home = join(cacheFolder, `elasticsearch-${version}`);
const isThere = (): boolean => existsSync(join(home, 'bin/elasticsearch'));

/** Why no server can be started here, or null. Where CI is set its absence is an error, not a reason to skip. */
export function elasticsearchMissing(): string | null {
  const missing = javaHome(javaMin) === null ? `needs Java ${javaMin} or later` : !isThere() && !canRun('mvn', '-version') ? `needs mvn to get Elasticsearch ${version} from Maven Central` : null;
  if (missing !== null && process.env['CI'] !== undefined) throw new Error(`Elasticsearch ${missing}`);
  return missing;
}

/** The address of a server that is there already, or null. Nothing may be broken there. */
export const givenElasticsearch = process.env['LEADLINE_ELASTICSEARCH_URL'] ?? null;

async function download(): Promise<void> {
  const folder = mkdtempSync(join(cacheFolder, 'elasticsearch-new-'));
  try {
    await promisify(execFile)('mvn', ['-B', '-q', 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack', `-Dartifact=org.elasticsearch.distribution.integ-test-zip:elasticsearch:${version}:zip`, `-DoutputDirectory=${folder}`], { cwd: folder, timeout: 300_000 });
    const unpacked = join(folder, `elasticsearch-${version}`);
    for (const name of readdirSync(join(unpacked, 'bin'))) chmodSync(join(unpacked, 'bin', name), 0o755);
    execFileSync('chmod', ['-R', 'a+rX', unpacked]);
    rmSync(home, { recursive: true, force: true });
    renameSync(unpacked, home);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (!isThere()) throw new Error(`Elasticsearch ${version} could not be had from Maven Central`);
}

export interface TestElasticsearchOptions {
  /** Lines of elasticsearch.yml: `{ 'thread_pool.write.queue_size': 2 }`. */
  settings?: Readonly<Record<string, string | number | boolean>>;
  heap?: string;
}

export async function startElasticsearch({ settings = {}, heap = '512m' }: TestElasticsearchOptions = {}): Promise<JavaServer> {
  await cached(cacheFolder, `elasticsearch-${version}`, isThere, download);
  const folder = mkdtempSync(join(tmpdir(), 'leadline-elasticsearch-'));
  const port = await freePort(23_000);
  const config = join(folder, 'config');
  cpSync(join(home, 'config'), config, { recursive: true });
  const hasSecurity = existsSync(join(home, 'modules/x-pack-security'));
  const lines: Record<string, string | number | boolean> = {
    'cluster.name': 'leadline-test', 'node.name': 'n1', 'discovery.type': 'single-node', 'network.host': '127.0.0.1', 'http.port': port, 'transport.port': port + 100,
    'path.data': join(folder, 'data'), 'path.logs': join(folder, 'logs'), 'cluster.routing.allocation.disk.threshold_enabled': false,
    ...(hasSecurity ? { 'xpack.security.enabled': false } : {}), ...settings,
  };
  writeFileSync(join(config, 'elasticsearch.yml'), Object.entries(lines).map(([name, value]) => `${name}: ${value}\n`).join(''));
  mkdirSync(join(config, 'jvm.options.d'), { recursive: true });
  writeFileSync(join(config, 'jvm.options.d/test.options'), `-Xms${heap}\n-Xmx${heap}\n`);
  // What the JVM writes of itself would go into the home folder, which others share.
  const jvmOptions = join(config, 'jvm.options');
  writeFileSync(jvmOptions, readFileSync(jvmOptions, 'utf8').replace(/^(?=[\d:-]*-Xlog:gc|-XX:HeapDumpPath=|-XX:ErrorFile=)/gm, '# '));
  mkdirSync(join(folder, 'tmp'));
  // It refuses to run as root.
  const asNobody = isRoot ? ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups'] : [];
  if (isRoot) execFileSync('chown', ['-R', 'nobody', folder]);
  const server = new JavaServer({
    name: 'Elasticsearch', folder, url: `http://127.0.0.1:${port}`,
    command: [...asNobody, join(home, 'bin/elasticsearch')],
    environment: { ES_JAVA_HOME: javaHome(javaMin)!, ES_PATH_CONF: config, ES_TMPDIR: join(folder, 'tmp'), HOME: folder },
  });
  await server.start().catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  return server;
}
