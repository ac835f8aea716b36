/** `node deploy/write-docs.ts`: writes the reference pages that derive from the catalogues. A test fails where a page and its catalogue differ. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultText, environmentNameOf, flagOf, optionNames, options, quantityKind, quantityText, type OptionName, type OptionSection, type OptionSpec } from '#schemas/options.ts';
import { metricsPage } from './metrics-page.ts';
import { topicsPage } from './topic-page.ts';

const sections: readonly { section: OptionSection; title: string; about: string }[] = [
  { section: 'common', title: 'Common', about: 'They stand at the left edge of `leadline.yaml`.' },
  { section: 'kafka', title: 'Kafka: `kafka:`', about: 'How to reach the brokers: `ship`, `run`, `collect`, `up`, `topics apply`, `check`. Brokers alone may stand as `kafka: HOST:PORT`.' },
  { section: 'elasticsearch', title: 'Elasticsearch and OpenSearch: `elasticsearch:`', about: 'How to reach the servers of a store that is not embedded, and what to call it there: `collect`, `serve`, `up`, `check`. Nodes alone may stand as `elasticsearch: URL`. docs/elasticsearch.md says more.' },
  { section: 'ship', title: 'Reading files: `ship:`', about: 'What finds, reads, cuts and sends the files: `ship`, `run`, `up` and `ingest`.' },
  { section: 'collect', title: 'Storing: `collect:`', about: 'What makes events of lines and stores them: `collect`, `up` and `ingest`.' },
  { section: 'correlation', title: 'Ids: `correlation:`', about: "What is an id besides what Leadline knows: `collect`, `up`, `ingest`, and `trace` and `search` over files. In the file `idFields` may be a map: `idFields: { X-Order-Request: request }`." },
  { section: 'serve', title: 'Answering: `serve:`', about: 'What answers queries and shows the page: `up`. `ship` and `run` (port 4681) and `collect` (port 4682) show their health on all interfaces unless told otherwise.' },
];

const head = `# Options

Written by \`node deploy/write-docs.ts\` from \`schemas/options.ts\`; change it there.

Each option is a flag, a variable in the environment and a key in \`leadline.yaml\`. Flags win over the environment, the environment over the file.
\`leadline check --print-config\` shows what is in force and where each value came from; \`leadline COMMAND --help\` shows which options a command takes.
Where a value is a span, write \`500ms\`, \`15m\`, \`7d\` or a number of milliseconds; where it is a size, \`900kB\`, \`64MiB\`, \`5GB\` or a number of bytes.
In the file, \`\${NAME}\` takes a value from the environment and \`fileOf: PATH\` reads a secret from a file.
`;

/** The page as it should stand in \`docs/options.md\`. */
export function optionsPage(): string {
  const parts = sections.map(({ section, title, about }) => {
    const rows = optionNames.filter(name => options[name].section === section).map(rowOf);
    return `## ${title}\n\n${about}\n\n| flag | environment | key | default | allowed | what |\n| --- | --- | --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return [head, ...parts].join('\n');
}

function rowOf(name: OptionName): string {
  const spec: OptionSpec = options[name];
  const key = spec.section === 'common' ? name : `${spec.section}.${name}`;
  const given = defaultText(name);
  const cells = [`\`${flagOf(name)}\``, `\`${environmentNameOf(name)}\``, `\`${key}\``, given === null ? (spec.type === 'flag' ? `\`${spec.default}\`` : '') : `\`${given}\``, allowedText(name, spec), spec.doc.replaceAll('|', '\\|')];
  return `| ${cells.join(' | ')} |`;
}

function allowedText(name: OptionName, spec: OptionSpec): string {
  switch (spec.type) {
    case 'integer':
      return `${{ SPAN: 'span', SIZE: 'size', N: 'number' }[quantityKind(name)]}, ${quantityText(name, spec.min)} to ${quantityText(name, spec.max)}`;
    case 'flag':
      return 'true or false';
    case 'list':
      return `list of ${spec.placeholder}`;
    case 'text':
      return spec.choices === undefined ? spec.placeholder : spec.choices.join(', ');
  }
}

if (import.meta.main) {
  const folder = join(import.meta.dirname, '..', 'docs');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'options.md'), optionsPage());
  writeFileSync(join(folder, 'topics.md'), topicsPage());
  writeFileSync(join(folder, 'metrics.md'), metricsPage());
}
