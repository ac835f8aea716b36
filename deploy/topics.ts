/** `leadline topics apply`: makes the topics that are missing, changes none that is there, and says what does not fit. */
import { counted, paint, table, terminalOf } from '../query/cli/render/terminal.ts';
import type { Config } from './config.ts';
import { lookAtTopics, type TopicFinding, type TopicFindings } from './kafka-topics.ts';

const unfit = 2;

/** @returns 0 where all fit, 2 otherwise. @throws LeadlineError KAFKA_UNREACHABLE and the like. */
export async function applyTopics({ options }: Config): Promise<number> {
  const findings = await lookAtTopics(options, true);
  if (options.json || !process.stdout.isTTY) for (const topic of findings.topics) process.stdout.write(`${JSON.stringify(topic)}\n`);
  else if (!options.quiet) process.stdout.write(`${renderTopics(findings, options.kafka)}\n`);
  const problems = findings.topics.flatMap(({ topic, problems: each }) => each.map(({ problem, fix }) => `leadline: ${topic}: ${problem}.\n  ${fix}\n`));
  if (!process.stdout.isTTY) process.stderr.write(problems.join(''));
  return problems.length === 0 ? 0 : unfit;
}

function renderTopics({ brokers, topics }: TopicFindings, servers: readonly string[]): string {
  const terminal = terminalOf(process.stdout);
  const colours = { ok: 'green', made: 'green', missing: 'red', unfit: 'red', failed: 'red' } as const;
  const rows = topics.map(({ topic, partitions, replication, state }) => [topic, String(partitions ?? '-'), String(replication ?? '-'), state]);
  const problems = topics.flatMap((topic: TopicFinding) => topic.problems.map(({ problem, fix }) => `${paint(terminal, 'red', `${topic.topic}: ${problem}.`)}\n  ${fix}`));
  const text = table(['topic', 'partitions', 'copies', 'state'], rows).replace(/(ok|made|missing|unfit|failed)$/gm, state => paint(terminal, colours[state as keyof typeof colours], state));
  return [`${counted(brokers, 'broker')} at ${servers.join(', ')}`, '', text, ...(problems.length === 0 ? [] : ['', ...problems])].join('\n');
}
