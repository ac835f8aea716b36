/** Kafka's jars from Maven Central, kept under ~/.cache/leadline, and whether this machine can run them. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached, canRun, downloadMsMax } from './server-process.ts';

export const kafkaVersion = process.env['LEADLINE_KAFKA_VERSION'] ?? '4.3.1';
const cacheFolder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'leadline');

const libsOf = (version: string): string => join(cacheFolder, `kafka-${version}`, 'libs');
const isThere = (version: string): boolean => existsSync(join(libsOf(version), `kafka_2.13-${version}.jar`));

/** Why no broker can be started here, or null. Where CI is set its absence is an error, not a reason to skip. */
export function kafkaMissing(): string | null {
  const missing = !canRun('java', '-version') ? 'needs java 17 or later' : !isThere(kafkaVersion) && !canRun('mvn', '-version') ? `needs mvn to get Kafka ${kafkaVersion} from Maven Central` : null;
  if (missing !== null && process.env['CI'] !== undefined) throw new Error(`a Kafka broker ${missing}`);
  return missing;
}

const dependency = (group: string, artifact: string, version: string, more = ''): string => `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>${more}</dependency>`;
const exclusion = (group: string, artifact: string): string => `<exclusion><groupId>${group}</groupId><artifactId>${artifact}</artifactId></exclusion>`;

/** Kafka 4 logs with log4j 2, Kafka 3 with reload4j. */
function pomOf(version: string): string {
  const logging = version.startsWith('3.')
    ? [dependency('org.slf4j', 'slf4j-reload4j', '1.7.36')]
    : ['log4j-api', 'log4j-core', 'log4j-slf4j-impl', 'log4j-1.2-api'].map(artifact => dependency('org.apache.logging.log4j', artifact, '2.24.3'));
  // The tools depend on Connect for one command that nobody needs here.
  const unwanted = [exclusion('org.apache.kafka', 'connect-runtime'), exclusion('org.apache.kafka', 'connect-api'), exclusion('org.apache.kafka', 'connect-json'), exclusion('org.slf4j', 'slf4j-reload4j'), exclusion('org.apache.kafka', 'kafka-log4j-appender')];
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>leadline.test</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging>
<dependencyManagement><dependencies>${dependency('org.slf4j', 'slf4j-api', '1.7.36')}</dependencies></dependencyManagement>
<dependencies>
${dependency('org.apache.kafka', 'kafka_2.13', version)}
${dependency('org.apache.kafka', 'kafka-tools', version, `<exclusions>${unwanted.join('')}</exclusions>`)}
${logging.join('\n')}
</dependencies></project>
`;
}

/** The folder of a broker's jars; they are downloaded on first use, by one process while others wait. */
export async function kafkaJars(version = kafkaVersion): Promise<string> {
  await cached(cacheFolder, `kafka-${version}`, () => isThere(version), () => download(version));
  return libsOf(version);
}

async function download(version: string): Promise<void> {
  const folder = mkdtempSync(join(cacheFolder, 'kafka-new-'));
  try {
    writeFileSync(join(folder, 'pom.xml'), pomOf(version));
    await promisify(execFile)('mvn', ['-B', '-q', '-f', join(folder, 'pom.xml'), 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${join(folder, 'libs')}`], { timeout: downloadMsMax });
    mkdirSync(join(cacheFolder, `kafka-${version}`), { recursive: true });
    rmSync(libsOf(version), { recursive: true, force: true });
    renameSync(join(folder, 'libs'), libsOf(version));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (!isThere(version)) throw new Error(`Kafka ${version} could not be had from Maven Central`);
}
