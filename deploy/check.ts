/** `leadline check`: tries what a start would need, and says of each failure what to do. */
import { createServer } from 'node:net';
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { styleText } from 'node:util';
import { StoreOwner } from '../collector/store/store-owner.ts';
import { checkPaths, discover } from '../shipper/discovery.ts';
import { BirthTimeProbe } from '../shipper/file-identity.ts';
import { isLoopback } from '../query/http-server.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import { optionNames, options as catalogue, type Options, type OptionSpec } from '#schemas/options.ts';
import type { Config } from './config.ts';
import { storeChoice } from './elasticsearch-options.ts';
import { lookAtTopics } from './kafka-topics.ts';
import { runningOwner } from './read-source.ts';
import { bytesText, counted, printable } from '../query/cli/render/terminal.ts';

const freeBytesMin = 100_000_000;
const intakeMsMax = 5000;
const storeMsMax = 10_000;

interface Result {
  what: string;
  problem: LeadlineError | string | null;
  note?: string;
}

/** @returns the exit code of the first failure, or 0. */
export async function check(paths: readonly string[], printConfig: boolean, read: () => Config): Promise<number> {
  const config = read();
  if (printConfig) {
    for (const name of optionNames) {
      const spec: OptionSpec = catalogue[name];
      const value = config.options[name];
      const shown = spec.secret === true && value !== null ? '***' : Array.isArray(value) ? JSON.stringify(value) : String(value);
      process.stdout.write(`${name}: ${shown}  # ${config.origins[name]}\n`);
    }
    return 0;
  }
  const results: Result[] = [
    { what: 'configuration', problem: null, note: config.file ?? 'no leadline.yaml; defaults, environment and flags' },
    { what: 'alert rules', problem: null, note: `${counted(config.alerts.rules.length, 'rule')}, ${counted(config.alerts.targets.length, 'target')}` },
    ...paths.flatMap(path => checkPath(path, config.options)),
    ...(config.options.kafka.length === 0 ? [] : await checkKafka(config.options)),
    ...(await checkStore(config.options)),
    ...(config.options.to === null ? [] : [await checkIntake(config.options.to)]),
  ];
  const owner = await runningOwner(config.options.dataDir);
  if (owner !== null) results.push({ what: `data directory ${config.options.dataDir}`, problem: null, note: `in use by the Leadline at ${owner}` });
  else {
    results.push(
      attempt(`data directory ${config.options.dataDir}`, () => {
        if (existsSync(config.options.dataDir)) new StoreOwner(config.options.dataDir).release();
        const folder = nearestFolder(config.options.dataDir);
        const { bavail, bsize } = statfsSync(folder);
        const free = bavail * bsize;
        if (free < freeBytesMin) throw new LeadlineError('STORE_FULL', { dir: `${config.options.dataDir} (${bytesText(free)} free)` });
        return `${bytesText(free)} free`;
      }),
      await checkPort(config),
    );
  }
  for (const { what, problem, note } of results) {
    const mark = problem === null ? styleText('green', 'ok    ') : styleText('red', 'failed');
    // The sentence of a problem names the thing itself.
    process.stdout.write(`${mark}  ${problem === null ? printable(`${what}${note === undefined ? '' : ` (${note})`}`) : printable(problem instanceof LeadlineError ? problem.message : `${what}: ${problem}`)}\n`);
  }
  const failed = results.find(({ problem }) => problem !== null)?.problem;
  return failed === undefined || failed === null ? 0 : failed instanceof LeadlineError ? failed.exitCode : 2;
}

function attempt(what: string, work: () => unknown): Result {
  try {
    const note = work();
    return { what, problem: null, ...(typeof note === 'string' ? { note } : {}) };
  } catch (error) {
    return { what, problem: error instanceof LeadlineError ? error : String(error) };
  }
}

/** The path, and what of it could not be read; compressed files count, as `ingest` takes them. */
function checkPath(path: string, options: Options): Result[] {
  const what = `path ${path}`;
  try {
    checkPaths([path]);
    const { files, problems } = discover([path], { ...options, skipFolders: [options.dataDir], compressed: true }, new BirthTimeProbe());
    const unread = files.flatMap(file => {
      try {
        accessSync(file.path, constants.R_OK);
        return [];
      } catch (error) {
        return [new LeadlineError('PATH_NOT_READABLE', { path: file.path, systemCode: systemCodeOf(error) ?? 'unknown' }, { cause: error })];
      }
    });
    const failures = [...problems.map(problem => problem.message), ...unread];
    return failures.length === 0 ? [{ what, problem: null, note: counted(files.length, 'file') }] : failures.map(problem => ({ what, problem }));
  } catch (error) {
    return [{ what, problem: error instanceof LeadlineError ? error : String(error) }];
  }
}

/** The brokers, the login, and each topic. */
async function checkKafka(options: Options): Promise<Result[]> {
  const what = `Kafka at ${options.kafka.join(', ')}`;
  try {
    const { brokers, topics } = await lookAtTopics(options, false);
    const unfit = topics.flatMap(topic => topic.problems.map(({ problem, fix }) => ({ what: `topic ${topic.topic}`, problem: new LeadlineError('KAFKA_TOPIC_UNFIT', { topic: topic.topic, problem, fix }) })));
    return [{ what, problem: null, note: `${counted(brokers, 'broker')}${options.kafkaSasl === null ? '' : `, logged in as ${options.kafkaUsername ?? ''}`}` }, ...(unfit.length > 0 ? unfit : [{ what: 'topics', problem: null, note: counted(topics.length, 'topic') }])];
  } catch (error) {
    return [{ what, problem: error instanceof LeadlineError ? error : String(error) }];
  }
}

/** A store that is not embedded: who answers, whether the login is taken, and what is there. Nothing is written. */
async function checkStore(options: Options): Promise<Result[]> {
  let what = 'store';
  try {
    const choice = storeChoice(options);
    if (choice.kind === 'embedded') return [];
    what = `store at ${choice.server.nodes.join(', ')}`;
    const { ElasticServer } = await import('#lib/elasticsearch/server.ts');
    const { ElasticsearchReader } = await import('../query/store/elasticsearch/elasticsearch-reader.ts');
    const server = new ElasticServer(choice.server);
    try {
      const { events, files } = await new ElasticsearchReader({ server, namespace: choice.namespace }).stats({ signal: AbortSignal.timeout(storeMsMax), budget: { eventsMax: 1, bytesMax: 1, msMax: storeMsMax } });
      return [{ what, problem: null, note: `${(await server.flavour()) === 'opensearch' ? 'OpenSearch' : 'Elasticsearch'}, ${files === 0 ? `nothing stored under the namespace ${choice.namespace} yet` : `${counted(events, 'event')} in ${files} backing ${files === 1 ? 'index' : 'indices'}`}` }];
    } finally {
      await server.close();
    }
  } catch (error) {
    return [{ what, problem: error instanceof LeadlineError ? error : String(error) }];
  }
}

/** Whether somebody is there; what they take shows only when lines are sent. */
async function checkIntake(url: string): Promise<Result> {
  const what = `collector at ${url}`;
  try {
    const response = await fetch(new URL('/healthz', url), { signal: AbortSignal.timeout(intakeMsMax) });
    return { what, problem: response.ok ? null : new LeadlineError('INTAKE_REFUSED', { url, status: response.status, message: (await response.text()).slice(0, 200) }) };
  } catch (error) {
    return { what, problem: new LeadlineError('INTAKE_UNREACHABLE', { url, systemCode: systemCodeOf((error as Error).cause) ?? (error as Error).message }) };
  }
}

/** The folder itself, or the one above it in which it would be made. Nothing is left behind. @throws LeadlineError DATA_DIR_NOT_WRITABLE */
function nearestFolder(dir: string): string {
  let folder = resolve(dir);
  while (!existsSync(folder)) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK);
    return folder;
  } catch (error) {
    throw new LeadlineError('DATA_DIR_NOT_WRITABLE', { dir, systemCode: systemCodeOf(error) ?? 'unknown' }, { cause: error });
  }
}

function checkPort({ options: { host, port, apiKey } }: Config): Promise<Result> {
  const what = `port ${port} on ${host}`;
  if (!isLoopback(host) && apiKey === null) return Promise.resolve({ what, problem: new LeadlineError('KEY_NEEDED_TO_LISTEN', { host }) });
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', error => {
      const systemCode = systemCodeOf(error);
      resolve({ what, problem: new LeadlineError(systemCode === 'EADDRINUSE' ? 'PORT_IN_USE' : 'LISTEN_FAILED', { host, port, systemCode: systemCode ?? '' }) });
    });
    server.listen(port, host, () => server.close(() => resolve({ what, problem: null })));
  });
}
